import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdminContext, ClusterStatus } from '#proxy/admin/context.ts';
import { AdminParams } from '#proxy/admin/handler.ts';
import { configDump } from '#proxy/admin/handlers/config-dump.ts';
import { HealthFlag } from '#proxy/upstream/host-health.ts';
import { adminContext } from '#testing/admin-context.ts';

const BOOTSTRAP = `
node: {id: one}
static_resources:
  listeners:
  - name: in
    address: {socket_address: {address: 127.0.0.1, port_value: 80}}
  clusters:
  - {name: blue, type: STATIC, connect_timeout: 1s}
  - {name: red, type: STATIC}
  secrets:
  - name: s
    tls_certificate: {private_key: {inline_string: "the key"}, certificate_chain: {inline_string: "the chain"}}
`;
const LAST_UPDATED = '2026-01-02T03:04:05.678Z';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

async function dump(query: string, changes: Partial<AdminContext> = {}) {
  const answer = await configDump.answer({ params: new AdminParams(query) }, adminContext(BOOTSTRAP, changes));
  return { status: answer.status ?? 200, contentType: answer.contentType, body: String(answer.body) };
}

const configs = async (query: string, changes: Partial<AdminContext> = {}) =>
  JSON.parse((await dump(query, changes)).body).configs;

test("the parts come in Envoy's order, endpoints only when asked for", async () => {
  const types = async (query: string) =>
    (await configs(query)).map((one: Record<string, string>) => one['@type'].split('.').at(-1));
  const rest = ['ListenersConfigDump', 'ScopedRoutesConfigDump', 'RoutesConfigDump', 'SecretsConfigDump'];
  assert.deepEqual(await types(''), ['BootstrapConfigDump', 'ClustersConfigDump', ...rest]);
  assert.deepEqual(await types('include_eds'), [
    'BootstrapConfigDump',
    'ClustersConfigDump',
    'EndpointsConfigDump',
    ...rest,
  ]);
});

test('a static cluster is there as configured, with when it was', async () => {
  const [, clusters] = await configs('');
  assert.deepEqual(clusters.static_clusters[0], {
    cluster: { '@type': CLUSTER, name: 'blue', type: 'STATIC', connect_timeout: '1s' },
    last_updated: LAST_UPDATED,
  });
});

test('private keys are redacted, in secrets and in the bootstrap', async () => {
  const { body } = await dump('');
  assert.doesNotMatch(body, /the key/);
  assert.equal(body.match(/dGhlIGtleQ|\[redacted\]/g)?.length, 2);
  assert.match(body, /the chain/);
});

test('resource gives each element of one list, mask the fields of each', async () => {
  assert.deepEqual(await configs('resource=static_clusters&mask=cluster.name'), [
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster',
      cluster: { '@type': CLUSTER, name: 'blue' },
    },
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.ClustersConfigDump.StaticCluster',
      cluster: { '@type': CLUSTER, name: 'red' },
    },
  ]);
  assert.equal((await dump('resource=dynamic_listeners')).body, '{}\n');
});

test('mask alone keeps the parts that have the fields', async () => {
  assert.deepEqual(await configs('mask=bootstrap.node.id'), [
    { '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump', bootstrap: { node: { id: 'one' } } },
  ]);
});

test('name_regex keeps resources whose names match', async () => {
  const [, clusters, listeners] = await configs('name_regex=^blu');
  assert.equal(clusters.static_clusters.length, 1);
  assert.equal(listeners.static_listeners, undefined);
});

test("what cannot be dumped is refused in Envoy's words", async () => {
  const cases: [query: string, status: number, words: string][] = [
    ['resource=x', 404, 'x not found in config dump'],
    ['resource=bootstrap', 400, 'bootstrap is not a repeated field. Use ?mask=bootstrap to get only this field'],
    ['mask=x', 400, 'FieldMask x could not be successfully applied to any configs.'],
    [
      'mask=static_clusters.cluster',
      400,
      'FieldMask static_clusters.cluster could not be successfully applied to any configs.',
    ],
    ['resource=static_clusters&mask=x', 400, 'FieldMask x could not be successfully used.'],
    ['name_regex=[', 400, 'INVALID_ARGUMENT: Error while parsing name_regex from [: missing ]: ['],
  ];
  for (const [query, status, body] of cases)
    assert.deepEqual(await dump(query), { status, contentType: 'text/plain', body });
});

test('a dynamic listener shows each of its states and the last error', async () => {
  const context = adminContext(BOOTSTRAP);
  const [{ message }] = context.config.resources('listener');
  const dynamic = { name: 'in', message, lastUpdated: 0, versionInfo: '2' };
  const error = { lastUpdateAttempt: 1000, details: 'no', versionInfo: '3' };
  const resources: AdminContext['config']['resources'] = (kind) =>
    kind === 'listener'
      ? [
          { ...dynamic, state: 'active', error },
          { ...dynamic, versionInfo: '1', state: 'draining' },
        ]
      : [];
  const config = { ...context.config, resources, versionInfo: () => '2' };
  const [, , listeners] = await configs('', { config });
  assert.equal(listeners.version_info, '2');
  const [entry] = listeners.dynamic_listeners;
  assert.deepEqual(Object.keys(entry), ['name', 'active_state', 'error_state', 'draining_state']);
  assert.deepEqual([entry.active_state.version_info, entry.draining_state.version_info], ['2', '1']);
  assert.equal(entry.active_state.last_updated, '1970-01-01T00:00:00Z');
  assert.deepEqual(entry.error_state, {
    last_update_attempt: '1970-01-01T00:00:01Z',
    details: 'no',
    version_info: '3',
  });
});

test('endpoints are those that clusters have now, by priority and locality', async () => {
  const host = {
    address: { kind: 'ip', address: '10.0.0.1', port: 80, protocol: 'TCP', ipv4Compat: false } as const,
    additionalAddresses: [],
    hostname: '',
    weight: 1,
    locality: { region: 'r', zone: '', subZone: '' },
    priority: 0,
    canary: false,
    metadata: {},
    healthFlags: 0,
    counter: () => 0,
  };
  const cluster = {
    name: 'blue',
    edsServiceName: '',
    overprovisioningFactor: 140,
    hosts: [
      host,
      { ...host, hostname: 'h', weight: 2 },
      { ...host, priority: 1, healthFlags: HealthFlag.EdsStatusDraining },
    ],
  } as unknown as ClusterStatus;
  const [, , endpoints] = await configs('include_eds', { clusters: () => [cluster] });
  const address = { socket_address: { address: '10.0.0.1', port_value: 80 } };
  assert.deepEqual(endpoints.static_endpoint_configs[0].endpoint_config, {
    '@type': 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
    cluster_name: 'blue',
    endpoints: [
      {
        locality: { region: 'r' },
        lb_endpoints: [
          { endpoint: { address, health_check_config: {} }, health_status: 'HEALTHY', load_balancing_weight: 1 },
          {
            endpoint: { address, health_check_config: {}, hostname: 'h' },
            health_status: 'HEALTHY',
            load_balancing_weight: 2,
          },
        ],
        load_balancing_weight: 0,
      },
      {
        locality: { region: 'r' },
        lb_endpoints: [
          { endpoint: { address, health_check_config: {} }, health_status: 'UNHEALTHY', load_balancing_weight: 1 },
        ],
        load_balancing_weight: 0,
        priority: 1,
      },
    ],
    policy: { overprovisioning_factor: 140 },
  });
});
