/** Access logs of a whole proxy: nothing is lost or torn at its end, when files are rotated, or with several workers. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootstrap, httpListener, type Json, routeConfig, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { type ProxyOptions, type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

/** Longer than any test: what is written is written for another reason. */
const NO_INTERVAL = 1_000_000;
const FORMAT = { text_format_source: { inline_string: 'path=%REQ(:PATH)% code=%RESPONSE_CODE%\n' } };

const toFile = (path: string): Json => ({
  name: 'file',
  typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', { path, log_format: FORMAT }),
});
const toStdout: Json = {
  name: 'stdout',
  typed_config: typed('extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format: FORMAT }),
};

function start(t: TestContext, log: Json, options: ProxyOptions = {}): Promise<RunningProxy> {
  const routes = [{ match: { prefix: '/' }, direct_response: { status: 200 } }];
  const listener = httpListener({ manager: { ...routeConfig(routes), access_log: [log] } });
  return startProxy(t, bootstrap([listener]), options);
}

/** Sends requests on several connections; their paths are numbered through. */
async function sendRequests(proxy: RunningProxy, count: number, connections = 4): Promise<void> {
  const wires = await Promise.all(Array.from({ length: connections }, () => proxy.connect()));
  await Promise.all(
    wires.map(async (wire, index) => {
      for (let i = index; i < count; i += connections) {
        await wire.send(`GET /${i} HTTP/1.1\r\nhost: example.test\r\n\r\n`);
        await wire.response();
      }
    }),
  );
}

function assertAll(text: string, count: number): void {
  const lines = text.split('\n').filter((line) => line.includes('path='));
  const expected = Array.from({ length: count }, (_, i) => `path=/${i} code=200`);
  assert.deepEqual(lines.sort(), expected.sort());
}

test('nothing that was logged is lost at the end of the process', async (t) => {
  const path = join(temporaryFolder(t), 'access.log');
  const proxy = await start(t, toFile(path), { flushInterval: NO_INTERVAL });
  await sendRequests(proxy, 500);
  process.kill(proxy.pid, 'SIGTERM');
  await proxy.exited;
  assertAll(readFileSync(path, 'utf8'), 500);
});

test('two workers share a file and lose nothing', async (t) => {
  const path = join(temporaryFolder(t), 'access.log');
  const proxy = await start(t, toFile(path), { concurrency: 2 });
  await sendRequests(proxy, 1000, 16);
  process.kill(proxy.pid, 'SIGTERM');
  await proxy.exited;
  assertAll(readFileSync(path, 'utf8'), 1000);
});

test('lines of two workers are whole on a standard output that is read at the other end', async (t) => {
  const proxy = await start(t, toStdout, { concurrency: 2, flushInterval: NO_INTERVAL });
  await sendRequests(proxy, 2000, 16);
  process.kill(proxy.pid, 'SIGTERM');
  await proxy.exited;
  assertAll(proxy.output, 2000);
});

test('on SIGUSR1 a file that was moved away is made again', async (t) => {
  const path = join(temporaryFolder(t), 'access.log');
  const proxy = await start(t, toFile(path));
  const wire = await proxy.connect();
  const ask = async (name: string) => {
    await wire.send(`GET /${name} HTTP/1.1\r\nhost: example.test\r\n\r\n`);
    await wire.response();
  };
  const read = () => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  await ask('before');
  await eventually('the first line', () => read() !== '');
  renameSync(path, `${path}.1`);
  process.kill(proxy.pid, 'SIGUSR1');
  await eventually('the new file', () => existsSync(path));
  await ask('after');
  await eventually('the second line', () => read() === 'path=/after code=200\n');
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'path=/before code=200\n');
});

test('a full disk costs lines and nothing else', { skip: !existsSync('/dev/full') }, async (t) => {
  const proxy = await start(t, toFile('/dev/full'));
  await sendRequests(proxy, 500);
  await eventually('the lost lines are counted', async () => {
    const stats = await proxy.stats();
    return stats['filesystem.write_failed'] > 0 && stats['filesystem.write_total_buffered'] === 0;
  });
  assert.equal((await proxy.stats())['filesystem.write_completed'], 0);
});

for (const concurrency of [1, 2]) {
  test(`the admin API has an access log of its own, with ${concurrency} workers`, async (t) => {
    const path = join(temporaryFolder(t), 'admin.log');
    const admin = {
      address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      access_log: [toFile(path)],
    };
    const proxy = await startProxy(t, bootstrap([], [], { admin }), { concurrency });
    await proxy.admin.get('/none');
    await proxy.admin.get('/quitquitquit');
    const expected = ['path=/none code=404', 'path=/quitquitquit code=405'];
    const lines = () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => !line.includes('/ready'));
    await eventually('the lines', () => lines().length > 2);
    assert.deepEqual(lines(), [...expected, '']);
  });
}

for (const concurrency of [1, 2]) {
  test(`a file that cannot be opened ends the start with the reason alone, with ${concurrency} workers`, async (t) => {
    await assert.rejects(start(t, toFile('/nowhere/access.log'), { concurrency }), (error: Error) => {
      assert.match(error.message, /unable to open file '\/nowhere\/access.log': No such file or directory/);
      assert.doesNotMatch(error.message, /at .*\.ts:/);
      return true;
    });
  });
}

test('a format that is none ends the start', async (t) => {
  const log = toFile('/dev/null');
  (log.typed_config as Json).log_format = { text_format_source: { inline_string: '%NO_SUCH_THING%' } };
  await assert.rejects(start(t, log), /NO_SUCH_THING/);
});

test('an expression that is none ends the start, with its place', async (t) => {
  const filter = {
    extension_filter: {
      name: 'cel',
      typed_config: typed('extensions.access_loggers.filters.cel.v3.ExpressionFilter', {
        expression: 'request.path ==',
      }),
    },
  };
  await assert.rejects(
    start(t, { ...toFile('/dev/null'), filter }),
    /bootstrap\.json:\d+:\d+: error: Not able to parse filter expression/,
  );
});
