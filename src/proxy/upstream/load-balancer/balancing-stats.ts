/**
 * What balancing counts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#load-balancer-statistics
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';

export interface BalancingStats {
  healthyPanic: Counter;
  localClusterNotOk: Counter;
  recalculateZoneStructures: Counter;
  zoneClusterTooSmall: Counter;
  zoneNoCapacityLeft: Counter;
  zoneRoutingAllDirectly: Counter;
  zoneRoutingCrossZone: Counter;
  zoneRoutingSampled: Counter;
}

/** @param scope the cluster's own, `cluster.<name>.` */
export function balancingStats(scope: Scope): BalancingStats {
  return {
    healthyPanic: scope.counter('lb_healthy_panic'),
    localClusterNotOk: scope.counter('lb_local_cluster_not_ok'),
    recalculateZoneStructures: scope.counter('lb_recalculate_zone_structures'),
    zoneClusterTooSmall: scope.counter('lb_zone_cluster_too_small'),
    zoneNoCapacityLeft: scope.counter('lb_zone_no_capacity_left'),
    zoneRoutingAllDirectly: scope.counter('lb_zone_routing_all_directly'),
    zoneRoutingCrossZone: scope.counter('lb_zone_routing_cross_zone'),
    zoneRoutingSampled: scope.counter('lb_zone_routing_sampled'),
  };
}
