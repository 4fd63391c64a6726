/**
 * Clusters whose members Redis itself names. Follows envoy.extensions.clusters.redis.v3.RedisClusterConfig.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDnsOptions, SYSTEM_RESOLVER } from '#config/read/dns.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { RedisClusterConfig } from '#envoy/extensions/clusters/redis/v3/redis_cluster_pb.js';

export const REDIS_CLUSTER = 'envoy.extensions.clusters.redis.v3.RedisClusterConfig';
const check = honours(
  REDIS_CLUSTER,
  [
    'cluster_refresh_rate',
    'cluster_refresh_timeout',
    'redirect_refresh_interval',
    'redirect_refresh_threshold',
    'failure_refresh_threshold',
  ],
  {
    withoutEffect: { host_degraded_refresh_threshold: 'without health checks no host that Redis names is degraded' },
    refused: { enable_zone_discovery: 'zones of hosts are not looked at' },
  },
);

const DEFAULT_RATE = 5000;
const DEFAULT_TIMEOUT = 3000;
const DEFAULT_INTERVAL = 5000;
const DEFAULT_REDIRECTIONS = 5;

export function readRedisCluster(
  cluster: Cluster,
  message: RedisClusterConfig,
  at: Place,
  clusterAt: Place,
  context: ReadContext,
): ClusterConfig['discovery'] {
  check(message, at);
  if (cluster.transportSocket !== undefined) {
    clusterAt
      .field('transport_socket')
      .report('a cluster that Redis names the members of is spoken with in plain text');
  }
  return {
    kind: 'REDIS',
    dns: readDnsOptions(cluster, clusterAt, context.dnsResolver ?? SYSTEM_RESOLVER, context),
    refreshRate: millisecondsOr(message.clusterRefreshRate, DEFAULT_RATE),
    refreshTimeout: millisecondsOr(message.clusterRefreshTimeout, DEFAULT_TIMEOUT),
    early: {
      interval: millisecondsOr(message.redirectRefreshInterval, DEFAULT_INTERVAL),
      redirections: message.redirectRefreshThreshold ?? DEFAULT_REDIRECTIONS,
      failures: message.failureRefreshThreshold,
    },
  };
}
