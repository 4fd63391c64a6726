import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { portsInUse } from '#cli/sample/ports.ts';
import { type ProxyKind, proxyCommand } from '#testing/proxy-command.ts';

const PORTS = [8000, 8001, 8081, 8082, 8083];

interface Running {
  /** Asks everything to end; resolves with the exit status. */
  stop(): Promise<number | null>;
  output(): string;
}

/** Runs the sample until it says that its front proxy serves. */
async function start(t: TestContext, kind: ProxyKind): Promise<Running> {
  const args = kind === 'envoy' ? ['--proxy-command', proxyCommand(kind).join(' ')] : [];
  const child = spawn(join(packageRoot, 'bin/fairlead'), ['sample', 'front-proxy', ...args]);
  const exited = once(child, 'exit');
  t.after(() => child.kill('SIGTERM'));
  let output = '';
  const serves = new Promise<void>((resolve, reject) => {
    const gather = (chunk: Buffer) => {
      output += chunk;
      if (output.includes('stop  Ctrl-C')) resolve();
    };
    child.stdout.on('data', gather);
    child.stderr.on('data', gather);
    child.on('exit', () => reject(new Error(output)));
  });
  await serves;
  return {
    async stop() {
      child.kill('SIGTERM');
      return (await exited)[0];
    },
    output: () => output,
  };
}

async function get(path: string): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  const asked = request({ host: '127.0.0.1', port: 8000, path, rejectUnauthorized: false, agent: false }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

for (const kind of ['fairlead', 'envoy'] as const) {
  test(`with ${kind}, each path has its service, one path has them in turn, and SIGTERM ends everything`, async (t) => {
    const sample = await start(t, kind);
    for (const colour of ['blue', 'green', 'red']) {
      const { status, headers, body } = await get(`/service/${colour}`);
      assert.equal(status, 200);
      assert.equal(headers.server, 'envoy');
      assert.match(`${headers['x-envoy-upstream-service-time']}`, /^\d+$/);
      assert.match(body, new RegExp(`^Hello from ${colour}: GET /service/${colour}\nrequest id [0-9a-f-]{36}\n$`));
    }

    const answers: string[] = [];
    for (let call = 0; call < 12; call++) answers.push(/from (\w+)/.exec((await get('/service')).body)?.[1] as string);
    const first = answers.slice(0, 3);
    assert.deepEqual(first.toSorted(), ['blue', 'green', 'red']);
    assert.deepEqual(answers, [...first, ...first, ...first, ...first]);

    assert.match(sample.output(), /✓ services +blue, green, red/);
    assert.equal(await sample.stop(), 0);
    assert.deepEqual(await portsInUse(PORTS), []);
  });
}

test('a second sample says which ports are in use, and leaves the first alone', async (t) => {
  const first = await start(t, 'envoy');
  await assert.rejects(start(t, 'envoy'), /in use: 8000, 8001, 8081, 8082, 8083/);
  assert.equal((await get('/service/blue')).status, 200);
  assert.equal(await first.stop(), 0);
});
