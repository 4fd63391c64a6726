/** Bodies of direct responses in files that are read again (DataSource.watched_directory). Follows config.core.v3.DataSource. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootstrap, httpListener, type Json, routeConfig } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

async function observe(t: TestContext, kind: ProxyKind) {
  const folder = temporaryFolder(t);
  const put = (name: string, content: string) => {
    writeFileSync(join(folder, 'next'), content);
    renameSync(join(folder, 'next'), join(folder, name));
  };
  const route = (name: string, more: Json = {}) => {
    put(name, `${name} 1`);
    const body = { filename: join(folder, name), ...more };
    return { match: { prefix: `/${name}` }, direct_response: { status: 200, body } };
  };
  const watched_directory = { path: folder };
  const routes = [route('watched', { watched_directory }), route('kept')];
  const proxy = await startProxy(t, bootstrap([httpListener({ manager: routeConfig(routes) })]), { kind });
  const said = async (name: string) => {
    const wire = await proxy.connect('in');
    await wire.send(`GET /${name} HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n`);
    return (await wire.response()).body.toString();
  };
  const seen = [await said('watched'), await said('kept')];
  put('kept', 'kept 2');
  put('watched', 'watched 2');
  await eventually('the new body', async () => (await said('watched')) === 'watched 2');
  seen.push(await said('kept'));
  put('watched', 'x'.repeat(4097));
  await eventually('it is refused', async () => proxy.output.includes('size is 4097 bytes; maximum is 4096'));
  seen.push(await said('watched'));
  put('watched', 'watched 3');
  await eventually('the next body', async () => (await said('watched')) === 'watched 3');
  return seen;
}

test('a body is read again when its file moves, and one that is too large leaves the one before', async (t) => {
  const [envoy, ours] = await Promise.all([observe(t, 'envoy'), observe(t, 'fairlead')]);
  assert.deepEqual(ours, ['watched 1', 'kept 1', 'kept 1', 'watched 2']);
  assert.deepEqual(ours, envoy);
});
