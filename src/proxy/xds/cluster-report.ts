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

/** Where counters stood at the last report. */
export interface SeenLoad {
  dropped: number;
  overload: number;
  /** By the key of the host. */
  hosts: Map<string, SeenHost>;
}

interface SeenHost {
  success: number;
  error: number;
  issued: number;
}

export function nothingSeen(): SeenLoad {
  return { dropped: 0, overload: 0, hosts: new Map() };
}

interface Metric {
  metricName: string;
  numRequestsFinishedWithMetric: bigint;
  totalMetricValue: number;
}

/** What was added up of one host, or of several. */
class LoadSum {
  success = 0;
  error = 0;
  active = 0;
  issued = 0;
  metrics: Map<string, { count: number; total: number }> | undefined = undefined;

  get isNothing(): boolean {
    return this.success + this.error + this.active + this.issued === 0;
  }

  add({ success, error, active, issued }: Omit<HostLoad, 'key' | 'address' | 'metrics'>): void {
    this.success += success;
    this.error += error;
    this.active += active;
    this.issued += issued;
  }

  addMetrics(metrics: HostLoad['metrics']): void {
    if (metrics.size === 0) return;
    this.metrics ??= new Map();
    for (const [name, { count, total }] of metrics) {
      const known = this.metrics.get(name);
      if (known === undefined) this.metrics.set(name, { count, total });
      else {
        known.count += count;
        known.total += total;
      }
    }
  }

  /** Fields of UpstreamLocalityStats and UpstreamEndpointStats. */
  fields(): object {
    const loadMetricStats = [...(this.metrics ?? [])].map(
      ([metricName, { count, total }]): Metric => ({
        metricName,
        numRequestsFinishedWithMetric: BigInt(count),
        totalMetricValue: total,
      }),
    );
    return {
      totalSuccessfulRequests: BigInt(this.success),
      totalErrorRequests: BigInt(this.error),
      totalRequestsInProgress: BigInt(this.active),
      totalIssuedRequests: BigInt(this.issued),
      loadMetricStats,
    };
  }
}

/** Notes what it reports as seen. @param byEndpoint tells of each endpoint, too. @returns fields of ClusterStats */
export function clusterReport(load: ClusterLoad, seen: SeenLoad, byEndpoint: boolean): object {
  const before = seen.hosts;
  seen.hosts = new Map();
  const upstreamLocalityStats: object[] = [];
  for (const { locality, priority, hosts } of load.localities) {
    const sum = new LoadSum();
    const upstreamEndpointStats: object[] = [];
    for (const host of hosts) {
      const own = byEndpoint ? new LoadSum() : sum;
      addNews(own, host, before.get(host.key));
      const { success, error, issued } = host;
      seen.hosts.set(host.key, { success, error, issued });
      if (!byEndpoint) continue;
      if (!own.isNothing) upstreamEndpointStats.push({ address: addressOf(host.address), ...own.fields() });
      sum.add(own);
      sum.addMetrics(own.metrics ?? NO_METRICS);
    }
    if (sum.isNothing) continue;
    upstreamLocalityStats.push({
      locality,
      priority,
      ...sum.fields(),
      ...(byEndpoint ? { upstreamEndpointStats } : {}),
    });
  }
  const dropped = news(load.dropped, seen.dropped);
  const overload = news(load.overload.dropped, seen.overload);
  seen.dropped = load.dropped;
  seen.overload = load.overload.dropped;
  return {
    ...(load.serviceName === '' ? {} : { clusterServiceName: load.serviceName }),
    ...(upstreamLocalityStats.length === 0 ? {} : { upstreamLocalityStats }),
    ...(dropped === 0 ? {} : { totalDroppedRequests: BigInt(dropped) }),
    ...(overload === 0
      ? {}
      : { droppedRequests: [{ category: load.overload.category, droppedCount: BigInt(overload) }] }),
  };
}

const NO_METRICS: HostLoad['metrics'] = new Map();

function addNews(sum: LoadSum, host: HostLoad, seen: SeenHost | undefined): void {
  sum.success += news(host.success, seen?.success);
  sum.error += news(host.error, seen?.error);
  sum.issued += news(host.issued, seen?.issued);
  sum.active += Math.max(0, host.active);
  sum.addMetrics(host.metrics);
}

/** What came since; a member that went and came again counts from nothing. */
function news(now: number, before = 0): number {
  return now >= before ? now - before : now;
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
