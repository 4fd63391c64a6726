/**
 * What is counted of a stream to a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/mgmt_server#management-server-statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type ControlPlaneStats = ReturnType<typeof controlPlaneStats>;

/** @param scope the root for ADS, else that of the subscription. */
export function controlPlaneStats(parent: Scope) {
  const scope = parent.scope('control_plane');
  return {
    connectedState: scope.gauge('connected_state'),
    identifier: scope.textReadout('identifier'),
    pendingRequests: scope.gauge('pending_requests'),
    rateLimitEnforced: scope.counter('rate_limit_enforced'),
  };
}
