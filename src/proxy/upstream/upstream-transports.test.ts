import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { UpstreamTransport } from '#config/model/tls.ts';
import { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { transportMatchCount, UpstreamTransports } from '#proxy/upstream/upstream-transports.ts';
import { NO_RUNTIME, RuntimeView } from '#selection/runtime-view.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { upstreamTlsOf } from '#testing/tls-settings.ts';

const plain: UpstreamTransport = { kind: 'raw_buffer' };
const tls: UpstreamTransport = { kind: 'tls', tls: upstreamTlsOf() };
const config = {
  transport: plain,
  transportSocketMatches: [
    { name: 'secure', match: { secure: true, zone: { name: 'a' } }, transport: tls },
    { name: 'open', match: { open: 1 }, transport: plain },
  ],
} as unknown as ClusterConfig;

const parts = {
  secrets: new WorkerSecrets(),
  index: 0,
  scope: new PlainScope(),
  runtime: new RuntimeView(NO_RUNTIME),
  random: { uint32: () => 0, uuid: () => '' },
};
const host = (labels: { [key: string]: unknown }): Host =>
  ({ metadata: { 'envoy.transport_socket_match': labels } }) as unknown as Host;
const bare = { metadata: {} } as Host;

test('a host gets the first transport all of whose labels its metadata have, else that of the cluster', () => {
  const transports = new UpstreamTransports(config, new PlainScope(), parts);
  assert.notEqual(transports.tlsFor(host({ secure: true, zone: { name: 'a' }, more: 1 })), undefined);
  assert.equal(transports.tlsFor(host({ secure: true })), undefined);
  assert.equal(transports.tlsFor(bare), undefined);
  const secure = new UpstreamTransports({ ...config, transport: tls }, new PlainScope(), parts);
  assert.equal(secure.tlsFor(host({ open: 1 })), undefined);
  assert.notEqual(secure.tlsFor(bare), undefined);
});

test('hosts are counted by the transport that they get', () => {
  const scope = new PlainScope();
  transportMatchCount(config, scope)([host({ open: 1 }), host({ secure: true, zone: { name: 'a' } }), bare, bare]);
  assert.deepEqual(
    ['secure', 'open', 'default'].map((name) => scope.value(`${name}.total_match_count`)),
    [1, 1, 2],
  );
});
