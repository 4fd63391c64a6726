/**
 * Which cluster a TCP connection goes to: the one that a filter before chose, the configured one, or one of several by weight.
 * Follows extensions.filters.network.tcp_proxy.v3.TcpProxy.cluster_specifier.
 */
import type { TcpProxyConfig } from '#config/model/tcp-proxy.ts';

/** Filter state that names the cluster; the SNI filters set it. */
export const CLUSTER_STATE = 'envoy.tcp_proxy.cluster';

/** @param random 32 bits or more, unsigned */
export function chooseTcpCluster(
  { clusters, totalWeight }: Pick<TcpProxyConfig, 'clusters' | 'totalWeight'>,
  filterState: ReadonlyMap<string, unknown> | undefined,
  random: number,
): string {
  const chosen = filterState?.get(CLUSTER_STATE);
  if (chosen !== undefined) return String(chosen);
  if (clusters.length === 1) return clusters[0].name;
  let left = random % totalWeight;
  for (const { name, weight } of clusters) {
    if (left < weight) return name;
    left -= weight;
  }
  return '';
}
