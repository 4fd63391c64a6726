/**
 * What requests are counted in besides their cluster: virtual clusters of a virtual host, and routes with a stat_prefix.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#statistics
 */

import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type VirtualClusterStats, virtualClusterStats } from '#proxy/observe/stats/http-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { ResponseCodeStats } from '#proxy/observe/stats/response-code-stats.ts';
import type { CompiledRoute, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { type Condition, firstFailure, MATCHED } from '#selection/condition.ts';
import { headerCondition } from '#selection/match-header.ts';

/** One thing that requests are counted in. */
export interface RequestGroup {
  /** As logs show it: empty for the requests that no virtual cluster takes. */
  name: string;
  stats: VirtualClusterStats;
  codes: ResponseCodeStats;
}

interface VirtualCluster extends RequestGroup {
  conditions: Condition[];
}

function group(name: string, scope: Scope): RequestGroup {
  return { name, stats: virtualClusterStats(scope), codes: new ResponseCodeStats(scope) };
}

export class RequestGroups {
  private readonly scope: Scope;

  /** @param scope the root of this thread's stats */
  constructor(scope: Scope) {
    this.scope = scope;
  }

  /** Makes the groups of a virtual host and its routes ready: their stats are shown from now on. */
  prepare(host: CompiledVirtualHost): void {
    const { config } = host;
    const vhost = this.scope.scope(`vhost.${config.name}`);
    if (config.virtualClusters.length > 0) {
      const clusters: VirtualCluster[] = config.virtualClusters.map(({ name, headers }) => ({
        ...group(name, vhost.scope(`vcluster.${name}`)),
        conditions: headers.map(headerCondition),
      }));
      clusters.push({ ...group('', vhost.scope('vcluster.other')), conditions: [] });
      host.runtime = clusters;
    }
    for (const route of host.routes) {
      if (route.config.statPrefix !== '')
        route.runtime = group(route.config.statPrefix, vhost.scope(`route.${route.config.statPrefix}`));
    }
  }

  /** @returns the virtual cluster of the request, the first whose headers match; undefined where the host has none */
  static virtualCluster(host: CompiledVirtualHost, stream: HttpStream): RequestGroup | undefined {
    const clusters = host.runtime as VirtualCluster[] | undefined;
    return clusters?.find((cluster) => firstFailure(cluster.conditions, stream) === MATCHED);
  }

  static route(route: CompiledRoute): RequestGroup | undefined {
    return route.runtime as RequestGroup | undefined;
  }
}
