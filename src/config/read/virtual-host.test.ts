import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readVirtualHost } from '#config/read/virtual-host.ts';
import { readMessage } from '#testing/read-message.ts';

function read(tree: object) {
  return readMessage(
    'envoy.config.route.v3.VirtualHost',
    { name: 'v', domains: ['*'], ...tree },
    (message, at, context) => readVirtualHost(message, at, { ...context, maxDirectResponseBodySizeBytes: 0 }),
    { clusterNames: new Set(['a']) },
  );
}

const ROUTE = { match: { prefix: '/' }, route: { cluster: 'a' } };

test('a virtual host that says nothing more has the defaults of Envoy', () => {
  assert.deepEqual(read({}).value, {
    name: 'v',
    domains: ['*'],
    routes: [],
    requireTls: 'NONE',
    virtualClusters: [],
    headers: { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] },
    requestMirrorPolicies: [],
    includeRequestAttemptCount: false,
    includeAttemptCountInResponse: false,
    includeIsTimeoutRetryHeader: false,
    perFilterConfig: {},
    metadata: {},
  });
});

test('TLS is required of nobody, of clients outside, or of all', () => {
  const required = (name: string) => read({ require_tls: name }).value?.requireTls;
  assert.deepEqual(['NONE', 'EXTERNAL_ONLY', 'ALL'].map(required), ['NONE', 'EXTERNAL_ONLY', 'ALL']);
});

test('the newer buffer limit holds over the older one', () => {
  const limit = (tree: object) => read(tree).value?.perRequestBufferLimitBytes;
  assert.equal(limit({ per_request_buffer_limit_bytes: 5 }), 5);
  assert.equal(limit({ per_request_buffer_limit_bytes: 5, request_body_buffer_limit: '7' }), 7);
});

test('a virtual cluster has matchers', () => {
  const cluster = { name: 'users', headers: [{ name: ':path', string_match: { prefix: '/users' } }] };
  const [read1] = read({ virtual_clusters: [cluster] }).value?.virtualClusters ?? [];
  assert.equal(read1.name, 'users');
  assert.deepEqual(read1.headers[0].match, {
    kind: 'string',
    matcher: { kind: 'prefix', value: '/users', ignoreCase: false },
  });
  assert.deepEqual(read({ virtual_clusters: [{ name: 'x' }] }).errors, [
    "virtual_clusters[0].headers: virtual clusters must define 'headers'",
  ]);
});

test('one route that is wrong hides no other', () => {
  const wrong = (cluster: string) => ({ match: { prefix: '/' }, route: { cluster } });
  const { value, errors } = read({ routes: [wrong('y'), ROUTE, wrong('z')] });
  assert.deepEqual(errors, [
    "routes[0].route.cluster: route: unknown cluster 'y'",
    "routes[2].route.cluster: route: unknown cluster 'z'",
  ]);
  assert.equal(value?.routes.length, 3);
});

test('clusters of copies that a virtual host sends are not checked, as in Envoy', () => {
  assert.deepEqual(read({ request_mirror_policies: [{ cluster: 'z' }] }).errors, []);
});

test('routes and a matcher exclude each other, in the words of Envoy', () => {
  assert.deepEqual(read({ routes: [ROUTE], matcher: {} }).errors, [
    'matcher: cannot set both matcher and routes on virtual host',
  ]);
});
