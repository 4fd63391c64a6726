import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { toBinary } from '@bufbuild/protobuf';
import { ConfigError } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { loadSource, sourceOf } from '#api/source.ts';
import { loadBootstrap } from '#config/load.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { httpConnectionManagerReader } from '#config/read/http-connection-manager.ts';
import { routerReader } from '#config/read/router.ts';
import { oneCluster } from '#testing/bootstrap.ts';
import { errorsOf, load, loadOptions, warningsOf } from '#testing/load-config.ts';

const FRONT_PROXY = fileURLToPath(import.meta.resolve('../../samples/front-proxy/front-proxy.yaml'));
const whole = () => loadOptions({}, [httpConnectionManagerReader, routerReader]);

/** The problems that loading these YAML texts, laid over each other, ends with. */
function problemsOf(...texts: string[]) {
  const sources = texts.map((text, i) => sourceOf(text, `${i}.yaml`));
  try {
    loadBootstrap(sources, whole());
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('the whole front proxy is read', () => {
  const { snapshot, bootstrap, problems } = loadBootstrap([loadSource(FRONT_PROXY)], whole());
  assert.deepEqual(problems.list, []);
  assert.equal(bootstrap.staticResources?.clusters.length, 4);
  assert.equal(snapshot.statsFlushInterval, 1000);
  assert.deepEqual(snapshot.admin?.address, {
    kind: 'ip',
    address: '127.0.0.1',
    port: 8001,
    protocol: 'TCP',
    ipv4Compat: false,
  });
  const [listener] = snapshot.listeners;
  assert.equal(listener.name, 'front');
  const [{ filters, transport }] = listener.filterChains;
  assert.equal(transport.kind, 'tls');
  const manager = filters[0].config as HttpConnectionManager;
  assert.equal(manager.statPrefix, 'ingress_http');
  assert.ok(manager.routes.kind === 'inline');
  assert.deepEqual(
    manager.routes.table.virtualHosts[0].routes.map(({ name }) => name),
    ['blue', 'green', 'red', 'all'],
  );
  assert.deepEqual(
    snapshot.clusters.map(({ name, discovery, lbPolicy }) => [name, discovery.kind, lbPolicy]),
    ['blue', 'green', 'red', 'all'].map((name) => [`service_${name}`, 'STRICT_DNS', 'ROUND_ROBIN']),
  );
});

test('a snapshot is plain data that crosses threads', () => {
  const { snapshot } = loadBootstrap([loadSource(FRONT_PROXY)], whole());
  assert.deepEqual(structuredClone(snapshot), snapshot);
});

test('a bootstrap means the same in YAML, in JSON and in binary', () => {
  const { snapshot, bootstrap } = loadBootstrap([loadSource(FRONT_PROXY)], whole());
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-load-'));
  const written = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return loadBootstrap([loadSource(join(folder, name))], whole()).snapshot;
  };
  const json = JSON.stringify(loadSource(FRONT_PROXY).tree);
  assert.deepEqual(written('front.json', json), snapshot);
  const binary = toBinary(messageType('envoy.config.bootstrap.v3.Bootstrap'), bootstrap);
  assert.deepEqual(written('front.pb', binary), snapshot);
});

test('the second source is merged over the first', () => {
  const base = sourceOf(readFileSync(FRONT_PROXY, 'utf8'), 'front.yaml');
  const over = sourceOf(
    '{ stats_flush_interval: 9s, admin: { address: { socket_address: { port_value: 7 } } } }',
    'over',
  );
  const { snapshot } = loadBootstrap([base, over], whole());
  assert.equal(snapshot.statsFlushInterval, 9000);
  assert.ok(snapshot.admin?.address.kind === 'ip');
  assert.deepEqual([snapshot.admin.address.address, snapshot.admin.address.port], ['127.0.0.1', 7]);
});

test('without any source there is nothing to run', () => {
  assert.throws(
    () => loadBootstrap([], whole()),
    /^ConfigError: error: At least one of --config-path or --config-yaml/,
  );
});

test('every error is told at once, each with its line', () => {
  const text = `admin:
  address:
    socket_address: { address: nowhere, port_value: 1 }
stats_flush_interval: 1ns
static_resources:
  clusters:
    - { name: a, type: STATIC }
    - { name: a, type: STATIC }
  listeners:
    - name: in
      addres: { socket_address: { address: 127.0.0.1, port_value: 1 } }
`;
  assert.deepEqual(
    problemsOf(text).map(({ line, path }) => [line, path]),
    [
      [3, 'admin.address.socket_address.address'],
      [4, 'stats_flush_interval'],
      [8, 'static_resources.clusters[1].name'],
      [10, 'static_resources.listeners[0].address'],
      [11, 'static_resources.listeners[0].addres'],
    ],
  );
});

test('an error in what was merged over is found in its own file', () => {
  const [problem] = problemsOf('admin: {}', 'stats_flush_interval: 1ns');
  assert.deepEqual([problem.file, problem.line], ['1.yaml', 1]);
});

test('a place has one error: the first', () => {
  const engine = { name: 'e', typed_config: { '@type': 'type.googleapis.com/envoy.no.such.Thing' } };
  assert.deepEqual(errorsOf({ default_regex_engine: engine }), [
    "default_regex_engine.typed_config.@type: unknown type 'type.googleapis.com/envoy.no.such.Thing'",
  ]);
});

test('unknown fields are refused, or warned of where they are allowed', () => {
  const tree = { statz_config: {} };
  assert.match(errorsOf(tree).join(), /^statz_config: no field 'statz_config'/);
  assert.equal(warningsOf(tree, loadOptions({ allowUnknownStaticFields: true })).length, 1);
});

test('a route to a cluster that is not there is refused', () => {
  const [error] = errorsOf({ ...oneCluster(1), static_resources: { listeners: listenersOf(oneCluster(1)) } }, whole());
  assert.match(error, /route: unknown cluster 'c'/);
});

test('secrets are found by their names', () => {
  const common = { tls_certificate_sds_secret_configs: [{ name: 'nobody' }] };
  const tls = { '@type': TLS, common_tls_context: common };
  const [listener] = listenersOf(oneCluster(1));
  const chains = (listener.filter_chains as object[]).map((chain) => ({
    ...chain,
    transport_socket: { name: 'tls', typed_config: tls },
  }));
  const tree = { ...oneCluster(1), static_resources: { listeners: [{ ...listener, filter_chains: chains }] } };
  assert.match(errorsOf(tree).join(), /nobody/);
  assert.equal(load(oneCluster(1)).snapshot.listeners.length, 1);
});

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

function listenersOf(tree: { [key: string]: unknown }): { [key: string]: unknown }[] {
  return (tree.static_resources as { listeners: { [key: string]: unknown }[] }).listeners;
}
