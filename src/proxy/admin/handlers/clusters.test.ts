import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CircuitBreakerThresholds } from '#config/model/cluster.ts';
import type { ClusterStatus, HostStatus } from '#proxy/admin/context.ts';
import { AdminParams } from '#proxy/admin/handler.ts';
import { clusters } from '#proxy/admin/handlers/clusters.ts';
import { HealthFlag } from '#proxy/upstream/host-health.ts';
import { adminContext } from '#testing/admin-context.ts';

const LIMITS: CircuitBreakerThresholds = {
  maxConnections: 100,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  trackRemaining: false,
  maxConnectionPools: 5,
};

function host(changes: Partial<HostStatus>): HostStatus {
  return {
    address: { kind: 'ip', address: '::1', port: 80, protocol: 'TCP', ipv4Compat: false },
    additionalAddresses: [],
    hostname: 'h',
    weight: 3,
    locality: { region: 'r', zone: 'z', subZone: '' },
    priority: 0,
    canary: true,
    metadata: {},
    healthFlags: 0,
    counter: (name) => ({ cx_active: 1, rq_total: 10 })[name as string] ?? 0,
    ...changes,
  };
}

function cluster(name: string, hosts: HostStatus[] = [host({})]): ClusterStatus {
  return {
    name,
    observabilityName: `${name}-stats`,
    addedViaApi: false,
    edsServiceName: '',
    circuitBreakers: { DEFAULT: LIMITS, HIGH: { ...LIMITS, maxConnections: 7 } },
    overprovisioningFactor: 140,
    hosts,
  };
}

async function ask(query: string, shown: ClusterStatus[]) {
  const answer = await clusters.answer(
    { params: new AdminParams(query) },
    adminContext('{}', { clusters: () => shown }),
  );
  return { status: answer.status ?? 200, body: String(answer.body) };
}

test('text has a line for each limit of a cluster and each number of a host', async () => {
  const { body } = await ask('', [cluster('a')]);
  assert.deepEqual(body.trimEnd().split('\n'), [
    'a::observability_name::a-stats',
    'a::default_priority::max_connections::100',
    'a::default_priority::max_pending_requests::1024',
    'a::default_priority::max_requests::1024',
    'a::default_priority::max_retries::3',
    'a::high_priority::max_connections::7',
    'a::high_priority::max_pending_requests::1024',
    'a::high_priority::max_requests::1024',
    'a::high_priority::max_retries::3',
    'a::added_via_api::false',
    'a::[::1]:80::cx_active::1',
    'a::[::1]:80::cx_connect_fail::0',
    'a::[::1]:80::cx_total::0',
    'a::[::1]:80::rq_active::0',
    'a::[::1]:80::rq_error::0',
    'a::[::1]:80::rq_pending_active::0',
    'a::[::1]:80::rq_success::0',
    'a::[::1]:80::rq_timeout::0',
    'a::[::1]:80::rq_total::10',
    'a::[::1]:80::hostname::h',
    'a::[::1]:80::health_flags::healthy',
    'a::[::1]:80::weight::3',
    'a::[::1]:80::region::r',
    'a::[::1]:80::zone::z',
    'a::[::1]:80::sub_zone::',
    'a::[::1]:80::canary::true',
    'a::[::1]:80::priority::0',
    'a::[::1]:80::success_rate::-1',
    'a::[::1]:80::local_origin_success_rate::-1',
  ]);
});

test('JSON leaves zeroes out, as Envoy does, and names what is wrong with a host', async () => {
  const hosts = [host({ healthFlags: HealthFlag.EdsStatusDraining | HealthFlag.FailedActiveHc, priority: 1 })];
  const [status] = JSON.parse((await ask('format=json', [cluster('a', hosts)])).body).cluster_statuses;
  assert.deepEqual(status.circuit_breakers.thresholds[1], {
    priority: 'HIGH',
    max_connections: 7,
    max_pending_requests: 1024,
    max_requests: 1024,
    max_retries: 3,
  });
  const [shown] = status.host_statuses;
  assert.deepEqual(shown.stats[0], { name: 'cx_connect_fail' });
  assert.deepEqual(shown.stats[5], { value: '10', name: 'rq_total' });
  assert.deepEqual(shown.stats[6], { type: 'GAUGE', value: '1', name: 'cx_active' });
  assert.deepEqual(shown.health_status, { failed_active_health_check: true, eds_health_status: 'DRAINING' });
  assert.deepEqual([shown.priority, shown.locality], [1, { region: 'r', zone: 'z' }]);
});

test('a filter keeps clusters whose names match, and must be a regular expression', async () => {
  const names = async (filter: string) =>
    JSON.parse((await ask(`format=json&filter=${filter}`, [cluster('a'), cluster('b')])).body).cluster_statuses.map(
      (status: { name: string }) => status.name,
    );
  assert.deepEqual(await names('^b$'), ['b']);
  assert.deepEqual(await ask('filter=[', []), { status: 400, body: 'Invalid re2 regex' });
});
