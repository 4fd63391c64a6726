/**
 * Options of sockets to upstreams, as the system shows them and as it refuses them: ours and real Envoy with the same bootstrap.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

/** SO_KEEPALIVE, which ss(8) shows, with TCP_KEEPIDLE; and an option that there is not. */
const ALIVE = [
  { level: 1, name: 9, int_value: 1 },
  { level: 6, name: 4, int_value: 1000 },
];
const NONE = [{ level: 6, name: 9999, int_value: 1 }];

test('a cluster has options on its sockets', async (t) => {
  const plain = await startUpstream(t, answer('plain'));
  const tls = await startUpstream(t, answer('tls'), { tls: signed('a.test') });
  const bound = (socket_options: Json[], more: Json = {}) => ({ upstream_bind_config: { socket_options, ...more } });
  const tree = bootstrap(
    [httpListener({ manager: routeConfig(['plain', 'tls', 'bound', 'bad'].map((name) => routeTo(`/${name}`, name))) })],
    [
      staticCluster('plain', [plain.port], bound(ALIVE)),
      staticCluster('tls', [tls.port], { ...bound(ALIVE), ...upstreamTls({}) }),
      staticCluster('bound', [plain.port], bound(ALIVE, { source_address: { address: '127.0.0.77', port_value: 0 } })),
      staticCluster('bad', [plain.port], bound(NONE)),
    ],
  );
  for (const kind of ['envoy', 'fairlead'] as const) {
    const proxy = await startProxy(t, tree, { kind });
    const seen: Record<string, unknown> = {};
    for (const path of ['plain', 'tls', 'bound', 'bad']) {
      const wire = await proxy.connect();
      await wire.send(`GET /${path} HTTP/1.1\r\nhost: a\r\n\r\n`);
      const response = await wire.response();
      const port = path === 'tls' ? tls.port : plain.port;
      const lines = execFileSync('ss', ['-Htno', `dport = :${port}`], { encoding: 'utf8' }).split('\n');
      const alive = lines.filter((line) => /timer:\(keepalive,1[56]min/.test(line));
      seen[path] = [
        response.status,
        response.status === 200 ? '' : response.body,
        alive.some((line) => path !== 'bound' || line.includes(' 127.0.0.77:')),
      ];
      wire.destroy();
    }
    const ok = [200, '', true];
    const failed = 'upstream connect error or disconnect/reset before headers. reset reason: local connection failure';
    assert.deepEqual(seen.plain, ok, kind);
    assert.deepEqual(seen.tls, ok, kind);
    assert.deepEqual(seen.bound, ok, kind);
    assert.deepEqual((seen.bad as unknown[]).slice(0, 2), [503, failed]);
    await proxy.kill();
  }
});
