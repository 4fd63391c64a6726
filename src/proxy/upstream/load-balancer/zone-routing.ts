/**
 * Keeps requests in the proxy's own locality as far as its share of the upstream's hosts allows, and spreads the rest over localities
 * that have room. Needs the local cluster: the proxies that share this load.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/zone_aware
 */
import type { Random } from '#base/random.ts';
import type { ZoneAware } from '#config/model/cluster.ts';
import type { ClusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';
import { sameLocality } from '#proxy/upstream/host-set-update.ts';

/** Shares are counted in hundredths of a percent. */
const WHOLE = 10_000;

export interface ZoneRouting {
  /** All requests can stay: `localShare` is not asked. */
  direct: boolean;
  /** How many of 10,000 requests stay in the local locality, which is the first. */
  localShare: number;
  /** Room of the localities, each added to those before it. */
  residual: number[];
}

/**
 * @param set the upstream's first priority.
 * @param local the first priority of the local cluster.
 * @returns undefined where routing by zone cannot or need not be done.
 */
export function zoneRouting(
  set: HostSet,
  local: HostSet,
  minClusterSize: number,
  { forceLocalFrom, byWeight }: Pick<ZoneAware, 'forceLocalFrom' | 'byWeight'>,
  stats: ClusterStats,
): ZoneRouting | undefined {
  stats.lbRecalculateZoneStructures.inc();
  if (set.localities.length < 2 || local.localities.length < 2) return undefined;
  if (set.healthy.length < minClusterSize) {
    stats.lbZoneClusterTooSmall.inc();
    return undefined;
  }
  const direct = { direct: true, localShare: WHOLE, residual: [] };
  const forced =
    forceLocalFrom !== undefined && set.hasLocalLocality && set.localities[0].healthy.length >= forceLocalFrom;
  if (forced) return direct;
  const size = byWeight ? weightOf : countOf;
  const upstreamSize = size(set.healthy);
  const localSize = size(local.healthy);
  const upstreamShares = set.localities.map((locality) => share(size(locality.healthy), upstreamSize));
  const localShares = set.localities.map(({ locality }) => {
    const same = local.localities.find((other) => sameLocality(other.locality, locality));
    return share(size(same?.healthy ?? []), localSize);
  });
  if (set.hasLocalLocality && upstreamShares[0] > 0 && upstreamShares[0] >= localShares[0]) {
    return direct;
  }
  const localShare =
    set.hasLocalLocality && localShares[0] > 0 ? Math.floor((upstreamShares[0] * WHOLE) / localShares[0]) : 0;
  let room = 0;
  const residual = upstreamShares.map((upstream, i) => {
    const isLocal = i === 0 && set.hasLocalLocality;
    if (!isLocal) room += Math.max(0, upstream - localShares[i]);
    return room;
  });
  return { direct: false, localShare, residual };
}

/** @returns the index of the locality for one request. */
export function chooseZone(routing: ZoneRouting, random: Random, stats: ClusterStats): number {
  if (routing.direct) {
    stats.lbZoneRoutingAllDirectly.inc();
    return 0;
  }
  if (random.uint32() % WHOLE < routing.localShare) {
    stats.lbZoneRoutingSampled.inc();
    return 0;
  }
  stats.lbZoneRoutingCrossZone.inc();
  const room = routing.residual[routing.residual.length - 1];
  if (room === 0) {
    stats.lbZoneNoCapacityLeft.inc();
    return random.uint32() % routing.residual.length;
  }
  const point = random.uint32() % room;
  return routing.residual.findIndex((upTo) => point < upTo);
}

function countOf(hosts: readonly Host[]): number {
  return hosts.length;
}

function weightOf(hosts: readonly Host[]): number {
  return hosts.reduce((sum, { weight }) => sum + weight, 0);
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.floor((WHOLE * part) / whole);
}
