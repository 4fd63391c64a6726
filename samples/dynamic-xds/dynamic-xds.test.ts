import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { packageRoot } from '#base/entry.ts';
import { eventually } from '#testing/eventually.ts';
import { type ProxyKind, proxyCommand } from '#testing/proxy-command.ts';

const KINDS: readonly ProxyKind[] = ['fairlead', 'envoy'];

class Sample {
  output = '';
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;

  constructor(t: TestContext, args: string[]) {
    this.child = spawn(join(packageRoot, 'bin/fairlead'), ['sample', 'dynamic-xds', ...args]);
    this.exited = once(this.child, 'exit');
    t.after(() => this.child.kill('SIGTERM'));
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
  }

  async serves(): Promise<void> {
    await eventually('the sample serves', () => this.output.includes('stop  Ctrl-C'));
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    assert.equal((await this.exited)[0], 0, this.output);
  }
}

async function get(port: number, path: string): Promise<string | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined);
  return response?.status === 200 ? await response.text() : undefined;
}

async function clusters(): Promise<Record<string, unknown>> {
  return JSON.parse((await get(19000, '/config_dump')) ?? '{}').configs[1];
}

for (const kind of KINDS) {
  test(`with ${kind}, nothing answers before the server is there, then service1, and version 2 brings service2 without a failed request`, async (t) => {
    const proxy = new Sample(t, [
      '--no-server',
      ...(kind === 'envoy' ? ['--proxy-command', proxyCommand(kind).join(' ')] : []),
    ]);
    await proxy.serves();
    const before = await clusters();
    assert.equal((before.static_clusters as { cluster: { name: string } }[])[0].cluster.name, 'xds_cluster');
    assert.equal(before.dynamic_active_clusters, undefined);
    assert.equal(await get(10000, '/'), undefined);

    const server = new Sample(t, ['--only-server']);
    await server.serves();
    const first = await eventually('service1 answers', () => get(10000, '/seen?x=1'), 30_000);
    assert.match(first, /^Request served by service1\n\nGET \/seen\?x=1 HTTP\/1\.1\n\nhost: 127\.0\.0\.1:10000\n/);
    const [active] = (await clusters()).dynamic_active_clusters as {
      version_info: string;
      cluster: { name: string; type: string };
    }[];
    assert.deepEqual(
      [active.version_info, active.cluster.name, active.cluster.type],
      ['1', 'example_proxy_cluster', 'LOGICAL_DNS'],
    );

    const file = join(/\S+resources(?=\/example\.yaml)/.exec(server.output)?.[0] ?? '', 'example.yaml');
    writeFileSync(file, readFileSync(file, 'utf8').replace('address: service1', 'address: service2'));
    await eventually('service2 answers', async () => {
      const answer = await get(10000, '/');
      assert.match(answer ?? 'a request failed', /^Request served by service[12]\n/);
      return answer?.includes('service2');
    });
    await eventually('it is acknowledged', () => server.output.includes('ACK           test-id  CDS version 2'));
    await server.stop();
    assert.match((await get(10000, '/')) ?? '', /service2/);
    await proxy.stop();
  });
}

test('a sample without a management server has no such part', async (t) => {
  const child = spawn(join(packageRoot, 'bin/fairlead'), ['sample', 'front-proxy', '--only-server']);
  t.after(() => child.kill('SIGKILL'));
  assert.equal((await once(child, 'exit'))[0], 2);
});
