/**
 * The load of one cluster since the last report, by locality and, where asked, by endpoint: the difference between its counters now and as
 * they were seen. Follows envoy.config.endpoint.v3.ClusterStats.
 */
import type { Address } from '#config/model/address.ts';
import type { Locality } from '#config/model/cluster.ts';

/** What a cluster's members have counted since they were made. */
export interface ClusterLoad {
  /** Of EDS, where it is not the cluster's own name. */
  serviceName: string;
  /** Requests that no member got: circuit breakers, maintenance mode, drop_overloads. */
  dropped: number;
  /** Those of drop_overloads, and its category. */
  overload: { category: string; dropped: number };
  localities: { locality: Locality; priority: number; hosts: HostLoad[] }[];
}

export interface HostLoad {
  /** Names it within the cluster. */
  key: string;
  address: Address;
  success: number;
  error: number;
  /** Under way now. */
  active: number;
  issued: number;
  /** What it said of itself (ORCA) since somebody asked last, by metric: in how many answers, and the sum. */
  metrics: ReadonlyMap<string, { count: number; total: number }>;
}

/** Where counters stood at the last report, by what they count. */
export interface SeenLoad {
  numbers: Map<string, number>;
}

interface Metric {
  metricName: string;
  numRequestsFinishedWithMetric: bigint;
  totalMetricValue: number;
}

/** Fields of UpstreamLocalityStats and UpstreamEndpointStats. */
interface LoadFields {
  totalSuccessfulRequests: bigint;
  totalErrorRequests: bigint;
  totalRequestsInProgress: bigint;
  totalIssuedRequests: bigint;
  loadMetricStats: Metric[];
}

/** Notes what it reports as seen. @param byEndpoint tells of each endpoint, too. @returns fields of ClusterStats */
export function clusterReport(load: ClusterLoad, seen: SeenLoad, byEndpoint: boolean): object {
  const next = new Map<string, number>();
  const since = (name: string, now: number): number => {
    next.set(name, now);
    const before = seen.numbers.get(name) ?? 0;
    // A member that went and came again counts from nothing.
    return now >= before ? now - before : now;
  };
  const localities = load.localities.flatMap(({ locality, priority, hosts }) => {
    const loads = hosts.map((host) => ({ host, fields: fieldsOf(host, since) }));
    const sum = sumOf(loads.map(({ fields }) => fields));
    if (isNothing(sum)) return [];
    const endpoints = loads.filter(({ fields }) => !isNothing(fields));
    const upstreamEndpointStats = endpoints.map(({ host, fields }) => ({
      address: addressOf(host.address),
      ...fields,
    }));
    return [{ locality, priority, ...sum, ...(byEndpoint ? { upstreamEndpointStats } : {}) }];
  });
  const dropped = since('dropped', load.dropped);
  const overload = since('overload', load.overload.dropped);
  seen.numbers = next;
  return {
    clusterServiceName: load.serviceName,
    upstreamLocalityStats: localities,
    totalDroppedRequests: BigInt(dropped),
    droppedRequests: overload === 0 ? [] : [{ category: load.overload.category, droppedCount: BigInt(overload) }],
  };
}

function fieldsOf(host: HostLoad, since: (name: string, now: number) => number): LoadFields {
  const { key, success, error, active, issued, metrics } = host;
  return {
    totalSuccessfulRequests: BigInt(since(`${key} success`, success)),
    totalErrorRequests: BigInt(since(`${key} error`, error)),
    totalRequestsInProgress: BigInt(Math.max(0, active)),
    totalIssuedRequests: BigInt(since(`${key} issued`, issued)),
    loadMetricStats: [...metrics].map(([metricName, { count, total }]) => ({
      metricName,
      numRequestsFinishedWithMetric: BigInt(count),
      totalMetricValue: total,
    })),
  };
}

function isNothing(load: LoadFields): boolean {
  const { totalSuccessfulRequests, totalErrorRequests, totalRequestsInProgress, totalIssuedRequests } = load;
  return totalSuccessfulRequests + totalErrorRequests + totalRequestsInProgress + totalIssuedRequests === 0n;
}

function sumOf(loads: readonly LoadFields[]): LoadFields {
  const sum: LoadFields = {
    totalSuccessfulRequests: 0n,
    totalErrorRequests: 0n,
    totalRequestsInProgress: 0n,
    totalIssuedRequests: 0n,
    loadMetricStats: [],
  };
  const metrics = new Map<string, Metric>();
  for (const load of loads) {
    sum.totalSuccessfulRequests += load.totalSuccessfulRequests;
    sum.totalErrorRequests += load.totalErrorRequests;
    sum.totalRequestsInProgress += load.totalRequestsInProgress;
    sum.totalIssuedRequests += load.totalIssuedRequests;
    for (const { metricName, numRequestsFinishedWithMetric, totalMetricValue } of load.loadMetricStats) {
      const known = metrics.get(metricName) ?? { metricName, numRequestsFinishedWithMetric: 0n, totalMetricValue: 0 };
      known.numRequestsFinishedWithMetric += numRequestsFinishedWithMetric;
      known.totalMetricValue += totalMetricValue;
      metrics.set(metricName, known);
    }
  }
  sum.loadMetricStats = [...metrics.values()];
  return sum;
}

/** Fields of config.core.v3.Address. */
function addressOf(address: Address): object {
  if (address.kind === 'pipe') return { address: { case: 'pipe', value: { path: address.path, mode: address.mode } } };
  if (address.kind === 'internal') {
    const { name, endpointId } = address;
    const addressNameSpecifier = { case: 'serverListenerName', value: name };
    return { address: { case: 'envoyInternalAddress', value: { addressNameSpecifier, endpointId } } };
  }
  const { address: ip, port, protocol } = address;
  const portSpecifier = { case: 'portValue', value: port };
  return {
    address: { case: 'socketAddress', value: { address: ip, portSpecifier, protocol: protocol === 'UDP' ? 1 : 0 } },
  };
}
