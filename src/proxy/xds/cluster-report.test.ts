import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterLoad, clusterReport, type HostLoad, nothingSeen } from '#proxy/xds/cluster-report.ts';

const host = (key: string, success: number, more: Partial<HostLoad> = {}): HostLoad => ({
  key,
  address: { kind: 'pipe', path: key, mode: 0 },
  success,
  error: 0,
  active: 0,
  issued: success,
  metrics: new Map(),
  ...more,
});

function load(hosts: HostLoad[], more: Partial<ClusterLoad> = {}): ClusterLoad {
  const locality = { region: 'r', zone: '', subZone: '' };
  const overload = { category: 'c', dropped: 0 };
  return { serviceName: '', dropped: 0, overload, localities: [{ locality, priority: 0, hosts }], ...more };
}

function reporter() {
  const seen = nothingSeen();
  return (given: ClusterLoad, byEndpoint = false) => {
    const { upstreamLocalityStats: [first] = [], totalDroppedRequests: dropped = 0n } = clusterReport(
      given,
      seen,
      byEndpoint,
    ) as {
      upstreamLocalityStats?: Record<string, unknown>[];
      totalDroppedRequests?: bigint;
    };
    return { first, dropped };
  };
}

test('what is reported is what came since the last time, and nothing where nothing came', () => {
  const report = reporter();
  assert.equal(report(load([host('a', 3), host('b', 1)], { dropped: 5 })).first.totalSuccessfulRequests, 4n);
  assert.equal(report(load([host('a', 3), host('b', 1)], { dropped: 5 })).first, undefined);
  const next = report(load([host('a', 5), host('b', 1)], { dropped: 6 }));
  assert.deepEqual([next.first.totalSuccessfulRequests, next.dropped], [2n, 1n]);
});

test('a member that went and came again counts from nothing', () => {
  const report = reporter();
  report(load([host('a', 9)]));
  assert.equal(report(load([host('a', 2)])).first.totalSuccessfulRequests, 2n);
  report(load([]));
  assert.equal(report(load([host('a', 4)])).first.totalSuccessfulRequests, 4n);
});

test('endpoints are told of where asked, those that did something; metrics of a locality are the sums of theirs', () => {
  const metrics = (count: number, total: number) => ({ metrics: new Map([['m', { count, total }]]) });
  const hosts = [host('a', 1, metrics(1, 0.5)), host('b', 0), host('c', 2, metrics(2, -1))];
  const { first } = reporter()(load(hosts), true);
  const endpoints = first.upstreamEndpointStats as { address: { address: { value: { path: string } } } }[];
  assert.deepEqual(
    endpoints.map(({ address }) => address.address.value.path),
    ['a', 'c'],
  );
  assert.deepEqual(first.loadMetricStats, [
    { metricName: 'm', numRequestsFinishedWithMetric: 3n, totalMetricValue: -0.5 },
  ]);
  assert.equal('upstreamEndpointStats' in reporter()(load(hosts)).first, false);
});
