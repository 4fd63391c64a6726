import assert from 'node:assert/strict';
import test from 'node:test';
import { readClusterStats } from '#cli/sample/cluster-stats.ts';

const JSON_OF_ADMIN = {
  stats: [
    { name: 'cluster.blue.upstream_rq_2xx', value: 6 },
    { name: 'cluster.blue.upstream_rq_5xx', value: 1 },
    { name: 'cluster.blue.upstream_rq_completed', value: 7 },
    {
      histograms: {
        supported_quantiles: [0, 50, 99],
        computed_quantiles: [
          {
            name: 'cluster.blue.upstream_rq_time',
            values: [{ cumulative: 0 }, { cumulative: 1.5 }, { cumulative: 9 }],
          },
          {
            name: 'cluster.red.upstream_rq_time',
            values: [{ cumulative: null }, { cumulative: null }, { cumulative: null }],
          },
        ],
      },
    },
  ],
};

test('counters and quantiles are found by cluster', () => {
  assert.deepEqual(readClusterStats(JSON_OF_ADMIN, ['blue']).get('blue'), {
    requests: 7,
    ok: 6,
    clientErrors: 0,
    serverErrors: 1,
    p50: 1.5,
    p99: 9,
  });
});

test('a cluster that was never asked has zeros and no latencies', () => {
  for (const cluster of ['red', 'unknown']) {
    const stats = readClusterStats(JSON_OF_ADMIN, [cluster]).get(cluster);
    assert.deepEqual([stats?.requests, stats?.p50, stats?.p99], [0, undefined, undefined]);
  }
});
