import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readMirrorPolicies } from '#config/read/mirror-policy.ts';
import { readMessage } from '#testing/read-message.ts';

function read(policy: unknown) {
  return readMessage(
    'envoy.config.route.v3.RouteAction',
    { request_mirror_policies: [policy] },
    (message: { requestMirrorPolicies: [] }, at, context) =>
      readMirrorPolicies(message.requestMirrorPolicies, at, context),
    { clusterNames: new Set(['shadow']) },
  );
}

test('a copy goes to a cluster, or to the one that a header names, for a share of requests', () => {
  const policy = {
    cluster: 'shadow',
    runtime_fraction: { default_value: { numerator: 5 }, runtime_key: 'mirror' },
    disable_shadow_host_suffix_append: true,
  };
  assert.deepEqual(read(policy).value, [
    {
      cluster: 'shadow',
      clusterHeader: '',
      fraction: { numerator: 5, denominator: 100, runtimeKey: 'mirror' },
      hostRewriteLiteral: '',
      disableShadowHostSuffixAppend: true,
    },
  ]);
  assert.deepEqual(read({ cluster_header: 'X-To', host_rewrite_literal: 'h' }).value, [
    { cluster: '', clusterHeader: 'x-to', hostRewriteLiteral: 'h', disableShadowHostSuffixAppend: false },
  ]);
});

test('what Envoy refuses, in its words', () => {
  const place = 'request mirror policy';
  assert.deepEqual(read({ cluster: 'shadow', cluster_header: 'x' }).errors, [
    `[0]: Only one of cluster 'shadow' or cluster_header 'x' in ${place} can be specified`,
  ]);
  assert.deepEqual(read({}).errors, [`[0]: Exactly one of cluster or cluster_header in ${place} need to be specified`]);
  assert.deepEqual(read({ cluster: 'zz' }).errors, ["[0].cluster: route: unknown shadow cluster 'zz'"]);
});

test('changes of the headers of the copy are refused by name', () => {
  const [error, ...others] = read({ cluster: 'shadow', request_headers_mutations: [{ remove: 'y' }] }).errors;
  assert.match(error, /^\[0\]\.request_headers_mutations:/);
  assert.deepEqual(others, []);
});
