/**
 * Finds the members of a cluster, by its type, and tells of every change.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import { isDeepStrictEqual } from 'node:util';
import { type Random, systemRandom } from '#base/random.ts';
import { type Schedule, systemSchedule } from '#base/timers.ts';
import type { ClusterConfig, LoadAssignment } from '#config/model/cluster.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { CachedNames } from '#proxy/upstream/discovery/cached-names.ts';
import { LogicalDns } from '#proxy/upstream/discovery/logical-dns.ts';
import type { NameResolver } from '#proxy/upstream/discovery/name-resolver.ts';
import { OriginalDstDiscovery } from '#proxy/upstream/discovery/original-dst.ts';
import { RedisSlots, type RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import { NO_MEMBERS, sameMembers } from '#proxy/upstream/discovery/same-members.ts';
import { StrictDns } from '#proxy/upstream/discovery/strict-dns.ts';
import { SystemResolver } from '#proxy/upstream/discovery/system-resolver.ts';
import type { DnsCaches } from '#proxy/upstream/dns-cache/dns-caches.ts';
import { type HostSetUpdate, type HostUpdate, hostSetUpdate } from '#proxy/upstream/host-set-update.ts';

export interface Discovery {
  /** Ends it: nobody is called after this. */
  stop(): void;
  /** A worker made a member, for clusters whose members are found so. */
  found?(host: HostUpdate): void;
  /** A command went wrong on a worker, for clusters whose members Redis names. */
  wentWrong?(what: RedisTrouble): void;
}

/** Who fetches the endpoints of EDS clusters. */
export interface EndpointWatcher {
  /**
   * @param scope of the cluster
   * @param onAssignment hears the members now and from now on; undefined: nobody could say in time, or there are none any more
   */
  watch(
    discovery: EdsOptions,
    scope: Scope,
    onAssignment: (assignment: LoadAssignment | undefined) => void,
  ): { stop(): void };
}

export type EdsOptions = Extract<ClusterConfig['discovery'], { kind: 'EDS' }>;

export interface DiscoveryParts {
  /** `cluster.<name>.` */
  scope: Scope;
  root: Scope;
  /** Undefined: there are no EDS clusters. */
  endpoints?: EndpointWatcher;
  /** Undefined: there are no forward proxies. */
  dnsCaches?: DnsCaches;
  /** Whether somebody has connections to a member, by its key; for clusters that let go of those that are not used. */
  isUsed?(key: string): boolean;
  onUpdate(update: HostSetUpdate): void;
  /** What an answer of DNS names, whether or not these are members already: Envoy makes its hosts anew from each. */
  onAnswer?(hosts: readonly HostUpdate[]): void;
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
    case 'REDIS': {
      const { schedule = systemSchedule, random = systemRandom } = parts;
      const resolver = parts.resolver ?? new SystemResolver(discovery.dns, parts.root, { schedule });
      return new RedisSlots(config, discovery, { ...parts, schedule, random, resolver });
    }
    case 'EDS': {
      if (parts.endpoints === undefined) throw new Error(`nobody fetches endpoints for cluster '${config.name}'`);
      return watchEndpoints(config.name, discovery, parts.endpoints, parts);
    }
    case 'ORIGINAL_DST': {
      const { schedule = systemSchedule } = parts;
      return new OriginalDstDiscovery(config, discovery.originalDst.cleanupInterval, { ...parts, schedule });
    }
    case 'AGGREGATE':
      parts.onUpdate(hostSetUpdate(config.name, undefined));
      parts.onReady();
      return { stop() {} };
    case 'DYNAMIC_FORWARD_PROXY':
      if (parts.dnsCaches === undefined) throw new Error(`nobody keeps names for cluster '${config.name}'`);
      return new CachedNames(config, parts.dnsCaches.get(discovery.cache), parts);
  }
}

function watchEndpoints(
  name: string,
  options: EdsOptions,
  endpoints: EndpointWatcher,
  parts: DiscoveryParts,
): Discovery {
  const { updateNoRebuild } = clusterStats(parts.scope);
  let members = NO_MEMBERS;
  let ready = false;
  return endpoints.watch(options, parts.scope, (assignment = NO_MEMBERS) => {
    const same = sameMembers(members, assignment);
    if (same && assignment !== NO_MEMBERS) updateNoRebuild.inc();
    if (!same || !ready || !isDeepStrictEqual(members.dropOverloads, assignment.dropOverloads)) {
      parts.onUpdate(hostSetUpdate(name, assignment));
    }
    members = assignment;
    if (!ready) parts.onReady();
    ready = true;
  });
}
