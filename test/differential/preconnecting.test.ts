/** Connections to the hosts that come next, made before a request goes there: how many there are after each request, ours and real Envoy. */
import type { Socket } from 'node:net';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';

const HOSTS = ['a', 'b', 'c', 'd'];

/** Those for /held stay under way. */
const serve = (socket: Socket): void =>
  void socket.on('data', (bytes: Buffer) => {
    if (!bytes.includes('/held')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });

/** Connections are made ahead to hosts whose metadata, as in {@link withMetadata}, is this. */
const enabled = (exact: string, more: Json): Json => ({
  preconnect_policy: {
    preconnect_enabled_metadata: { filter: 'f', path: [{ key: 'k' }], value: { string_match: { exact } } },
    ...more,
  },
});

const CLUSTERS: Record<string, Json> = {
  'ratio 1.5': { preconnect_policy: { predictive_preconnect_ratio: 1.5 } },
  'ratio 2': { preconnect_policy: { predictive_preconnect_ratio: 2 } },
  'ratio 3': { preconnect_policy: { predictive_preconnect_ratio: 3 } },
  'both ratios': { preconnect_policy: { predictive_preconnect_ratio: 2, per_upstream_preconnect_ratio: 2 } },
  // Where it goes next is by chance.
  'least request cannot tell': { lb_policy: 'LEAST_REQUEST', preconnect_policy: { predictive_preconnect_ratio: 2 } },
  'a limit on connections': {
    preconnect_policy: { predictive_preconnect_ratio: 3 },
    circuit_breakers: { thresholds: [{ max_connections: 2 }] },
  },
  'hosts that have it': enabled('v', { per_upstream_preconnect_ratio: 2, predictive_preconnect_ratio: 2 }),
  'hosts that lack it, each': enabled('other', { per_upstream_preconnect_ratio: 3 }),
  'hosts that lack it, together': enabled('other', { predictive_preconnect_ratio: 3 }),
  'hosts that lack it, both ratios': enabled('other', {
    per_upstream_preconnect_ratio: 2,
    predictive_preconnect_ratio: 2,
  }),
};

function withMetadata(cluster: Json): Json {
  const metadata = { filter_metadata: { f: { k: 'v' } } };
  for (const { lb_endpoints } of (cluster.load_assignment as { endpoints: { lb_endpoints: Json[] }[] }).endpoints)
    for (const endpoint of lb_endpoints) endpoint.metadata = metadata;
  return cluster;
}

alike('as many connections are made ahead as by Envoy', {
  upstreams: Object.fromEntries(HOSTS.map((name) => [name, serve])),
  bootstrap(ports) {
    const all = HOSTS.map((name) => ports[name]);
    const names = Object.keys(CLUSTERS).map((_, i) => `c${i}`);
    return bootstrap(
      names.map((name) => httpListener({ name, manager: routeConfig([routeTo('/', name)]) })),
      Object.values(CLUSTERS).map((cluster, i) => withMetadata(staticCluster(names[i], all, cluster))),
    );
  },
  async run({ connect, proxy, note }) {
    for (const [i, name] of Object.keys(CLUSTERS).entries()) {
      const stat = async (of: string) => Number(await proxy.stat(`cluster.c${i}.upstream_${of}`));
      const counts: number[] = [];
      const wire = await connect(`c${i}`);
      for (let asked = 0; asked < 5; asked++) {
        await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
        await wire.response();
        counts.push(await stat('cx_total'));
      }
      for (let held = 1; held <= 4; held++) {
        const other = await connect(`c${i}`);
        await other.send('GET /held HTTP/1.1\r\nhost: a\r\n\r\n');
        await eventually(
          'it is under way',
          async () => (await stat('rq_active')) + (await stat('rq_pending_active')) === held,
        );
        counts.push(await stat('cx_total'));
      }
      const skipped = await stat('cx_preconnect_skipped');
      note(`${name}: ${name.startsWith('least') ? counts[0] : counts.join(' ')}, skipped ${skipped}`);
    }
  },
});
