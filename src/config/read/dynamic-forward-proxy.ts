/**
 * Clusters whose hosts are those that requests ask for, and the aggregate of other clusters.
 * Follows envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig and envoy.extensions.clusters.aggregate.v3.ClusterConfig.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDnsCache } from '#config/read/dns-cache.ts';
import { honours } from '#config/read/support.ts';
import type { ClusterConfig as AggregateMessage } from '#envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import type { ClusterConfig as ForwardMessage } from '#envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js';

export const DYNAMIC_FORWARD_PROXY = 'envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig';
export const AGGREGATE = 'envoy.extensions.clusters.aggregate.v3.ClusterConfig';

const checkForward = honours(DYNAMIC_FORWARD_PROXY, ['dns_cache_config', 'allow_insecure_cluster_options'], {
  refused: {
    sub_clusters_config: 'names share one cluster: write dns_cache_config',
    allow_coalesced_connections: 'every name has connections of its own',
  },
});
const checkAggregate = honours(AGGREGATE, ['clusters']);

export function readDynamicForwardProxy(
  message: ForwardMessage,
  at: Place,
  context: ReadContext,
): ClusterConfig['discovery'] {
  checkForward(message, at);
  const { clusterImplementationSpecifier: chosen, allowInsecureClusterOptions } = message;
  if (chosen.case !== 'dnsCacheConfig') throw at.field('dns_cache_config').missing();
  const cache = readDnsCache(chosen.value, at.field('dns_cache_config'), context);
  return { kind: 'DYNAMIC_FORWARD_PROXY', cache, allowsInsecure: allowInsecureClusterOptions };
}

export function readAggregate(message: AggregateMessage, at: Place): ClusterConfig['discovery'] {
  checkAggregate(message, at);
  return { kind: 'AGGREGATE', clusters: message.clusters };
}
