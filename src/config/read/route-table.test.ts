import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadContext } from '#config/read/context.ts';
import { readRouteTable } from '#config/read/route-table.ts';
import { readMessage } from '#testing/read-message.ts';

function read(tree: object, given: Partial<ReadContext> = {}) {
  return readMessage('envoy.config.route.v3.RouteConfiguration', { name: 't', ...tree }, readRouteTable, {
    clusterNames: new Set(['a']),
    ...given,
  });
}

const hosts = (...domains: string[][]) => ({
  virtual_hosts: domains.map((list, i) => ({ name: `v${i}`, domains: list })),
});
const routeTo = (cluster: string) => ({
  virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }],
});

test('a table that says nothing more has the defaults of Envoy', () => {
  assert.deepEqual(read({}).value, {
    name: 't',
    virtualHosts: [],
    internalOnlyHeaders: [],
    headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
    mostSpecificHeaderMutationsWins: false,
    maxDirectResponseBodySizeBytes: 4096,
    ignorePortInHostMatching: false,
    ignorePathParametersInPathMatching: false,
    vhostHeader: '',
    requestMirrorPolicies: [],
    perFilterConfig: {},
    metadata: {},
  });
});

test('a domain stands in one virtual host, whatever its case; the words are those of Envoy', () => {
  const duplicate = (domain: string) =>
    `Only unique values for domains are permitted. Duplicate entry of domain ${domain} in route t`;
  const place = 'virtual_hosts[1].domains[0]';
  assert.deepEqual(read(hosts(['A.test'], ['a.test'])).errors, [`${place}: ${duplicate('a.test')}`]);
  assert.deepEqual(read(hosts(['*.test'], ['*.test'])).errors, [`${place}: ${duplicate('*.test')}`]);
  assert.deepEqual(read(hosts(['www.*'], ['WWW.*'])).errors, [`${place}: ${duplicate('www.*')}`]);
  assert.deepEqual(read(hosts(['*'], ['*'])).errors, [
    `${place}: Only a single wildcard domain is permitted in route t`,
  ]);
  assert.deepEqual(read(hosts(['*', 'a', 'a:80', '*a', 'a*'], ['b'])).errors, []);
});

test('clusters are checked unless the table says otherwise', () => {
  const place = 'virtual_hosts[0].routes[0].route.cluster';
  assert.deepEqual(read(routeTo('b')).errors, [`${place}: route: unknown cluster 'b'`]);
  assert.deepEqual(read({ ...routeTo('b'), validate_clusters: false }).errors, []);
});

test('bodies of direct responses may be as long as the table says', () => {
  const answer = {
    match: { prefix: '/' },
    direct_response: { status: 200, body: { inline_string: 'x'.repeat(5000) } },
  };
  const table = { virtual_hosts: [{ name: 'v', domains: ['*'], routes: [answer] }] };
  assert.equal(read(table).errors.length, 1);
  assert.deepEqual(read({ ...table, max_direct_response_body_size_bytes: 5000 }).errors, []);
});

test('virtual hosts are fetched by the delta protocol alone', () => {
  const grpc = { transport_api_version: 'V3', grpc_services: [{ envoy_grpc: { cluster_name: 'x' } }] };
  const from = (config_source: object, ads?: 'GRPC' | 'DELTA_GRPC') =>
    read({ vhds: { config_source } }, ads === undefined ? {} : { ads });
  assert.deepEqual(from({ ads: {} }, 'DELTA_GRPC').value?.vhds?.from, { kind: 'ads' });
  assert.equal(from({ api_config_source: { ...grpc, api_type: 'DELTA_GRPC' } }).value?.vhds?.from.kind, 'api');
  assert.match(from({ ads: {} }, 'GRPC').errors.join(), /ADS must use DELTA_GRPC/);
  assert.match(from({ ads: {} }).errors.join(), /ADS is not configured/);
  assert.match(from({ api_config_source: { ...grpc, api_type: 'GRPC' } }).errors.join(), /only 'DELTA_GRPC' or 'ADS'/);
});
