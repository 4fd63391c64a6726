/**
 * What becomes of connections when members of their cluster come, with `close_connections_on_host_set_change`: ours and real Envoy. When members
 * go, Envoy leaves the connections to those alone, by mistake.
 */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootstrap, httpListener, type Json, loadAssignment, routeConfig, routeTo } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const COMMON: Record<string, Json> = { closes: { close_connections_on_host_set_change: true }, stays: {} };

async function upstream(t: TestContext): Promise<number> {
  const server: Server = createServer((socket: Socket) => {
    socket.on('error', () => {});
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => void server.close());
  return (server.address() as { port: number }).port;
}

/** The numbers of connections of each cluster: after one request, after each change, and after one more request. */
async function observe(t: TestContext, kind: ProxyKind, ports: number[]): Promise<string[]> {
  const folder = temporaryFolder(t);
  const path = (name: string) => join(folder, `${name}.json`);
  const members = (...of: number[]) => {
    for (const name of Object.keys(COMMON)) {
      const type = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
      const resources = [{ '@type': type, ...loadAssignment(name, of) }];
      writeFileSync(`${path(name)}.new`, JSON.stringify({ version_info: String(of), resources }));
      renameSync(`${path(name)}.new`, path(name));
    }
  };
  members(ports[0]);
  const clusters = Object.entries(COMMON).map(([name, common_lb_config]) => ({
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: { path_config_source: { path: path(name) } } },
    common_lb_config,
  }));
  const manager = routeConfig(Object.keys(COMMON).map((name) => routeTo(`/${name}`, name)));
  const config = { node: { id: 'n', cluster: 'c' }, ...bootstrap([httpListener({ manager })], clusters) };
  const proxy = await startProxy(t, config, { kind });
  const notes: string[] = [];
  const ask = async () => {
    for (const name of Object.keys(COMMON)) {
      const wire = await proxy.connect();
      await wire.send(`GET /${name} HTTP/1.1\r\nhost: a\r\n\r\n`);
      await wire.response();
      wire.destroy();
    }
  };
  /** Envoy may miss a change that comes right after another: the files are written again. */
  const note = async (what: string, of: number[], open: number) => {
    await eventually(`${kind}: ${what}`, async () => {
      const counts = await Promise.all(
        ['closes.membership_total', 'stays.membership_total', 'closes.upstream_cx_active'].map((name) =>
          proxy.stat(`cluster.${name}`),
        ),
      );
      if (String(counts) === String([of.length, of.length, open])) return true;
      members(...of);
      return false;
    });
    for (const name of Object.keys(COMMON)) {
      const stat = (of: string) => proxy.stat(`cluster.${name}.upstream_cx_${of}`);
      notes.push(`${what}, ${name}: ${await stat('total')} ${await stat('active')} ${await stat('destroy_local')}`);
    }
  };
  await ask();
  await note('asked', ports.slice(0, 1), 1);
  await note('one came', ports.slice(0, 2), 0);
  await ask();
  await note('asked again', ports.slice(0, 2), 1);
  await note('another came', ports, 0);
  return notes;
}

test('connections are left behind when members change, where that is asked for', async (t) => {
  const ports = [await upstream(t), await upstream(t), await upstream(t)];
  const [envoy, ours] = await Promise.all([observe(t, 'envoy', ports), observe(t, 'fairlead', ports)]);
  const closing = (notes: string[]) => notes.filter((line) => line.includes('closes'));
  assert.ok(
    closing(envoy).some((line) => line.endsWith(' 1 0 1')),
    JSON.stringify(envoy),
  );
  assert.deepEqual(closing(ours), closing(envoy));
  // Which host takes the second request is by chance.
  assert.deepEqual(ours.slice(0, 4), envoy.slice(0, 4));
});
