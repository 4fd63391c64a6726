/**
 * Finds the members of a cluster, by its type, and tells of every change.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import { type Random, systemRandom } from '#base/random.ts';
import { type Schedule, systemSchedule } from '#base/timers.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { LogicalDns } from '#proxy/upstream/discovery/logical-dns.ts';
import type { NameResolver } from '#proxy/upstream/discovery/name-resolver.ts';
import { StrictDns } from '#proxy/upstream/discovery/strict-dns.ts';
import { SystemResolver } from '#proxy/upstream/discovery/system-resolver.ts';
import { type HostSetUpdate, hostSetUpdate } from '#proxy/upstream/host-set-update.ts';

export interface Discovery {
  /** Ends it: nobody is called after this. */
  stop(): void;
}

export interface DiscoveryParts {
  /** `cluster.<name>.` */
  scope: Scope;
  root: Scope;
  onUpdate(update: HostSetUpdate): void;
  /** The first members are known, or it is known that there are none. Called once. */
  onReady(): void;
  /** For tests. */
  resolver?: NameResolver;
  schedule?: Schedule;
  random?: Random;
}

/** Starts at once. Callbacks may come before this returns. */
export function discover(config: ClusterConfig, parts: DiscoveryParts): Discovery {
  const { discovery } = config;
  switch (discovery.kind) {
    case 'STATIC':
      parts.onUpdate(hostSetUpdate(config.name, config.loadAssignment));
      parts.onReady();
      return { stop() {} };
    case 'STRICT_DNS':
    case 'LOGICAL_DNS': {
      const { schedule = systemSchedule, random = systemRandom } = parts;
      const resolver = parts.resolver ?? new SystemResolver(discovery.dns, parts.root, { schedule });
      const all = { ...parts, schedule, random, resolver };
      return discovery.kind === 'STRICT_DNS'
        ? new StrictDns(config, discovery.dns, all)
        : new LogicalDns(config, discovery.dns, all);
    }
    default:
      throw new Error(`cluster '${config.name}': discovery of type ${discovery.kind} is not supported`);
  }
}
