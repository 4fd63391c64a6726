/**
 * Members by DNS: every address of every name is a host. Each name is resolved on its own schedule.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns
 */
import type { Random } from '#base/random.ts';
import type { Schedule } from '#base/timers.ts';
import type { ClusterConfig, DnsOptions, Endpoint } from '#config/model/cluster.ts';
import { type ClusterStats, clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { DiscoveryParts } from '#proxy/upstream/discovery/discover.ts';
import type { NameResolver, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { RefreshRate } from '#proxy/upstream/discovery/refresh-rate.ts';
import { type HostUpdate, hostSetUpdate, hostUpdateOf } from '#proxy/upstream/host-set-update.ts';

export interface DnsParts extends DiscoveryParts {
  resolver: NameResolver;
  schedule: Schedule;
  random: Random;
}

interface Target {
  endpoint: Endpoint;
  name: string;
  hosts: HostUpdate[];
  /** Gives up what it waits for: an answer, or the time to ask again. */
  cancel: () => void;
}

export class StrictDns {
  private readonly config: ClusterConfig;
  private readonly options: DnsOptions;
  private readonly parts: DnsParts;
  private readonly stats: Pick<ClusterStats, 'updateAttempt' | 'updateSuccess' | 'updateFailure' | 'updateNoRebuild'>;
  private readonly rate: RefreshRate;
  private readonly targets = new Map<Endpoint, Target>();
  private ready = false;

  constructor(config: ClusterConfig, options: DnsOptions, parts: DnsParts) {
    this.config = config;
    this.options = options;
    this.parts = parts;
    this.stats = clusterStats(parts.scope);
    this.rate = new RefreshRate(options, parts.random);
    for (const endpoint of config.loadAssignment?.endpoints.flatMap(({ endpoints }) => endpoints) ?? []) {
      if (endpoint.address.kind !== 'ip') continue;
      this.targets.set(endpoint, { endpoint, name: endpoint.address.address, hosts: [], cancel: () => {} });
    }
    for (const target of this.targets.values()) this.resolve(target);
    if (this.targets.size === 0 || !config.waitForWarmOnInit) this.becomeReady();
  }

  stop(): void {
    for (const target of this.targets.values()) target.cancel();
  }

  private resolve(target: Target): void {
    this.stats.updateAttempt.inc();
    target.cancel = this.parts.resolver.resolve(target.name, this.options.lookupFamily, (resolution) =>
      this.onResolved(target, resolution),
    );
  }

  private onResolved(target: Target, { status, addresses }: Resolution): void {
    let delay: number;
    if (status === 'completed') {
      this.stats.updateSuccess.inc();
      this.take(target, hostsOf(target, addresses));
      delay = this.rate.afterSuccess(
        addresses.reduce((least, { ttl }) => Math.min(least, ttl), addresses[0]?.ttl ?? 0),
      );
    } else {
      this.stats.updateFailure.inc();
      delay = this.rate.afterFailure();
    }
    target.cancel = this.parts.schedule(delay, () => this.resolve(target));
    // As in Envoy, the first name that is resolved makes the whole cluster ready.
    this.becomeReady();
  }

  private take(target: Target, hosts: HostUpdate[]): void {
    this.parts.onAnswer?.(hosts);
    if (sameAddresses(target.hosts, hosts)) {
      this.stats.updateNoRebuild.inc();
      return;
    }
    target.hosts = hosts;
    const { name, loadAssignment } = this.config;
    this.parts.onUpdate(
      hostSetUpdate(name, loadAssignment, (endpoint) => this.targets.get(endpoint)?.hosts ?? [hostUpdateOf(endpoint)]),
    );
  }

  private becomeReady(): void {
    if (this.ready) return;
    this.ready = true;
    this.parts.onReady();
  }
}

function hostsOf({ endpoint, name }: Target, addresses: Resolution['addresses']): HostUpdate[] {
  const host = hostUpdateOf(endpoint);
  return [...new Set(addresses.map(({ address }) => address))].map((address) => ({
    ...host,
    address: { ...(endpoint.address as typeof endpoint.address & { kind: 'ip' }), address },
    hostname: endpoint.hostname || name,
  }));
}

/** Whether the same hosts are named, in whatever order: servers turn their answers round. */
function sameAddresses(one: HostUpdate[], other: HostUpdate[]): boolean {
  const key = ({ address }: HostUpdate) => (address.kind === 'ip' ? address.address : '');
  const keys = new Set(one.map(key));
  return one.length === other.length && other.every((host) => keys.has(key(host)));
}
