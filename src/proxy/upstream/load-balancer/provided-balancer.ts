/**
 * The load balancer that a cluster's type brings itself (CLUSTER_PROVIDED).
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { AggregateBalancer } from '#proxy/upstream/load-balancer/aggregate-balancer.ts';
import { DynamicHostBalancer } from '#proxy/upstream/load-balancer/dynamic-host-balancer.ts';
import type { LoadBalancer } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { OriginalDstBalancer } from '#proxy/upstream/load-balancer/original-dst-balancer.ts';
import { SlotBalancer } from '#proxy/upstream/load-balancer/slot-balancer.ts';
import { SLOTS } from '#wire/redis/cluster-slots.ts';

/** @returns undefined where the type brings none. */
export function providedBalancer({ config, worker, hosts, stats }: Cluster): LoadBalancer | undefined {
  const { name, discovery, commonLb } = config;
  switch (discovery.kind) {
    case 'ORIGINAL_DST':
      return new OriginalDstBalancer({
        cluster: name,
        options: discovery.originalDst,
        hosts,
        invalid: stats.originalDstHostInvalid,
        tell: (host) => worker.foundHost(name, host),
      });
    case 'DYNAMIC_FORWARD_PROXY':
      return new DynamicHostBalancer(hosts, config.transport.kind === 'tls' ? 443 : 80);
    case 'AGGREGATE':
      return new AggregateBalancer({
        names: discovery.clusters,
        find: (part) => (part === name ? undefined : worker.clusters.get(part)),
        onClusters: (listener) => worker.clusters.onChange(listener),
        commonLb,
        random: worker.random,
        runtime: worker.runtime,
      });
    case 'REDIS':
      return config.lbPolicy === 'CLUSTER_PROVIDED' ? new SlotBalancer(hosts, worker.random, SLOTS) : undefined;
    default:
      return undefined;
  }
}
