import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadContext } from '#config/read/context.ts';
import { readWeightedClusters } from '#config/read/weighted-clusters.ts';
import { readMessage } from '#testing/read-message.ts';

const known = { clusterNames: new Set(['a', 'b']) };

function read(tree: unknown, given: Partial<ReadContext> = known) {
  return readMessage(
    'envoy.config.route.v3.WeightedCluster',
    tree,
    (message, at, context) => readWeightedClusters(message, at, { ...context, maxDirectResponseBodySizeBytes: 0 }),
    given,
  );
}

test('each cluster has its weight and its own changes; the total is the sum, whatever total_weight says', () => {
  const { value, errors } = read({
    clusters: [
      { name: 'a', weight: 3, host_rewrite_literal: 'a.test', request_headers_to_remove: ['X-A'] },
      { cluster_header: 'X-Cluster', weight: 7 },
    ],
    total_weight: 5,
    runtime_key_prefix: 'split',
    header_name: 'X-Share',
  });
  assert.deepEqual(errors, []);
  const headers = { requestAdd: [], requestRemove: [], responseAdd: [], responseRemove: [] };
  assert.deepEqual(value, {
    kind: 'weighted_clusters',
    clusters: [
      {
        name: 'a',
        clusterHeader: '',
        weight: 3,
        headers: { ...headers, requestRemove: ['x-a'] },
        hostRewriteLiteral: 'a.test',
        perFilterConfig: {},
      },
      { name: '', clusterHeader: 'x-cluster', weight: 7, headers, hostRewriteLiteral: '', perFilterConfig: {} },
    ],
    totalWeight: 10,
    runtimeKeyPrefix: 'split',
    headerName: 'x-share',
    useHashPolicy: false,
  });
});

test('what Envoy refuses, in its words', () => {
  const cases: [unknown[], string][] = [
    [[{ name: 'a', weight: 0 }], 'clusters: Sum of weights in the weighted_cluster must be greater than 0.'],
    [[{ name: 'a' }], "clusters[0].weight: Field 'weight' is missing in the cluster"],
    [
      [{ name: 'a', cluster_header: 'x', weight: 1 }],
      'clusters[0]: Only one of name or cluster_header can be specified',
    ],
    [[{ weight: 1 }], 'clusters[0]: At least one of name or cluster_header need to be specified'],
    [[{ name: 'zz', weight: 1 }], "clusters[0].name: route: unknown weighted cluster 'zz'"],
    [
      [
        { name: 'a', weight: 4294967295 },
        { name: 'b', weight: 1 },
      ],
      'clusters: The sum of weights of all weighted clusters exceeds 4294967295',
    ],
  ];
  for (const [clusters, error] of cases) assert.deepEqual(read({ clusters }).errors, [error]);
});

test('where nobody knows which clusters there are, names are not checked', () => {
  assert.deepEqual(read({ clusters: [{ name: 'zz', weight: 1 }] }, {}).errors, []);
});

test('what chooses among subsets is accepted where there are none', () => {
  const { errors } = read({
    clusters: [{ name: 'a', weight: 1, metadata_match: { filter_metadata: { 'envoy.lb': { stage: 'x' } } } }],
  });
  assert.deepEqual(errors, []);
});
