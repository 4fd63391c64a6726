/**
 * One cluster on the main thread: its members, found out here, and what the admin API shows of them.
 */
import type { ClusterConfig, Locality } from '#config/model/cluster.ts';
import type { ClusterStatus, HostStatus } from '#proxy/admin/context.ts';
import { InitManager } from '#proxy/init-manager.ts';
import type { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import type { StatsLease } from '#proxy/observe/stats/stats-lease.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import type { Given } from '#proxy/resource-origin.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { CircuitBreakerSlots } from '#proxy/upstream/circuit-breaker-slots.ts';
import { CircuitBreakers, circuitBreakerGauges } from '#proxy/upstream/circuit-breakers.ts';
import { type Discovery, discover, type EndpointWatcher } from '#proxy/upstream/discovery/discover.ts';
import type { RedisTrouble } from '#proxy/upstream/discovery/redis-slots.ts';
import type { DnsCaches } from '#proxy/upstream/dns-cache/dns-caches.ts';
import { DROPPED, DROPPED_OVERLOAD, dropBlock } from '#proxy/upstream/drop-counts.ts';
import type { EndpointSums } from '#proxy/upstream/endpoint-metrics.ts';
import { HOST_COUNTERS, type Host, hostBlock } from '#proxy/upstream/host.ts';
import type { HostSetUpdate, HostUpdate } from '#proxy/upstream/host-set-update.ts';
import { recordGreatestWeight, recordMembership } from '#proxy/upstream/membership-stats.ts';
import { PrioritySet } from '#proxy/upstream/priority-set.ts';
import { transportMatchCount } from '#proxy/upstream/upstream-transports.ts';
import type { ClusterLoad, HostLoad } from '#proxy/xds/cluster-report.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

/** What clusters on the main thread share. */
export interface ServerClusterParts {
  stats: ThreadStats;
  hub: StatsHub;
  runtime: RuntimeView;
  locality: Locality;
  /** Fetches the endpoints of EDS clusters. */
  endpoints: EndpointWatcher;
  dnsCaches: DnsCaches;
  /**
   * Gets what the cluster needs besides its members (secrets), and adds what is still to come to its init manager.
   * @returns how to let go of it
   */
  need(config: ClusterConfig, init: InitManager): () => void;
  onHosts(update: HostSetUpdate, cluster: ServerCluster): void;
}

/** So many members are taken over in a turn of the loop of their own. */
const LARGE = 100;

const CX_ACTIVE = HOST_COUNTERS.indexOf('cx_active');
/** What load reports tell of a host. */
const LOAD_COUNTERS = (['rq_success', 'rq_error', 'rq_active', 'rq_total'] as const).map((name) =>
  HOST_COUNTERS.indexOf(name),
);
const NO_METRICS: EndpointSums = new Map();
const NO_HOST_METRICS: HostLoad['metrics'] = new Map();

export class ServerCluster {
  readonly config: ClusterConfig;
  readonly slots: CircuitBreakerSlots;
  /** Undefined: it stands in the bootstrap. */
  readonly given: Given | undefined;
  readonly init: InitManager;
  /** Its first members are known, and whatever else it needs. */
  ready = false;
  /** The last that was found out. */
  update: HostSetUpdate | undefined = undefined;
  private unsettled = false;
  private readonly parts: ServerClusterParts;
  private readonly hosts: PrioritySet;
  private readonly lease: StatsLease;
  private readonly breakers: CircuitBreakers;
  private readonly refreshGauges: () => void;
  private discovery: Discovery | undefined = undefined;
  private letGo: () => void = () => {};
  private readonly onAnswer: ((hosts: readonly HostUpdate[]) => void) | undefined = undefined;

  constructor(config: ClusterConfig, slots: CircuitBreakerSlots, given: Given | undefined, parts: ServerClusterParts) {
    const { stats, runtime, locality } = parts;
    this.config = config;
    this.slots = slots;
    this.given = given;
    this.parts = parts;
    this.init = new InitManager(`Cluster ${config.name}`);
    this.lease = stats.lease();
    const scope = this.lease.scope.scope(`cluster.${config.statName}`);
    this.hosts = new PrioritySet(config.name, () => stats.lease(), clock, locality);
    const { kind } = config.discovery;
    recordMembership(this.hosts, scope, kind === 'EDS' || kind === 'REDIS');
    const countMatches = transportMatchCount(config, scope);
    if (kind === 'STRICT_DNS' || kind === 'LOGICAL_DNS') {
      this.onAnswer = (hosts) => {
        countMatches(hosts);
        if (kind === 'STRICT_DNS') recordGreatestWeight(hosts, scope);
      };
    } else this.hosts.onChange(({ added }) => countMatches(added));
    this.breakers = new CircuitBreakers(slots, true);
    this.breakers.configure(config, runtime);
    this.refreshGauges = circuitBreakerGauges(this.breakers, config, scope);
  }

  /** The runtime says something else. */
  runtimeChanged(): void {
    this.breakers.configure(this.config, this.parts.runtime);
  }

  /** Finds members, now and from now on. @param onReady may be called before this returns */
  start(onReady: () => void): void {
    const { parts, config, init, lease } = this;
    this.letGo = parts.need(config, init);
    const found = init.add(`Cluster ${config.name}`);
    init.whenReady(() => {
      this.ready = true;
      onReady();
    });
    this.discovery = discover(config, {
      scope: lease.scope.scope(`cluster.${config.statName}`),
      root: parts.stats.root,
      endpoints: parts.endpoints,
      dnsCaches: parts.dnsCaches,
      isUsed: (key) => parts.hub.block(hostBlock(config.name, key), CX_ACTIVE) > 0,
      onUpdate: (update) => {
        this.settle();
        this.update = update;
        this.unsettled = true;
        parts.onHosts(update, this);
        // With one worker the requests of this very thread are not to wait for both at once.
        if (isLarge(update)) afterNextTurn(() => this.settle());
        else this.settle();
      },
      onAnswer: this.onAnswer,
      onReady: found,
    });
  }

  /** Takes the last update over into what the admin API shows, and counts. */
  private settle(): void {
    if (!this.unsettled || this.update === undefined) return;
    this.unsettled = false;
    this.hosts.update(this.update);
  }

  /** A worker made a member. */
  foundHost(host: HostUpdate): void {
    this.discovery?.found?.(host);
  }

  /** A worker had a command that went wrong. */
  wentWrong(what: RedisTrouble): void {
    this.discovery?.wentWrong?.(what);
  }

  /** It is removed, or another takes its place. */
  stop(): void {
    this.settle();
    this.init.cancel();
    this.discovery?.stop();
    this.letGo();
    for (const host of this.hosts.hosts()) host.removed();
    this.lease.release();
  }

  /** Brings gauges up to date before somebody reads them. */
  refresh(): void {
    this.settle();
    this.refreshGauges();
  }

  status(): ClusterStatus {
    this.settle();
    const { config, hosts, update, breakers } = this;
    return {
      name: config.name,
      observabilityName: config.statName,
      addedViaApi: this.given !== undefined,
      edsServiceName: config.discovery.kind === 'EDS' ? config.discovery.serviceName : '',
      circuitBreakers: { DEFAULT: breakers.limitsNow('DEFAULT'), HIGH: breakers.limitsNow('HIGH') },
      overprovisioningFactor: update?.priorities[0]?.overprovisioningFactor ?? 140,
      hosts: hosts.hostSets.flatMap((set) => set.hosts.map((host) => this.hostStatus(host))),
    };
  }

  /** What its members counted, for load reports. @param metrics what workers heard of members, by key, since somebody asked last */
  load(metrics: EndpointSums = NO_METRICS): ClusterLoad {
    this.settle();
    const { config, hosts, parts, update } = this;
    const [dropped, overload] = parts.hub.blockValues(dropBlock(config.name), [DROPPED, DROPPED_OVERLOAD]);
    const { discovery, name } = config;
    const [drop] = (update ?? config.loadAssignment)?.dropOverloads ?? [];
    return {
      serviceName: discovery.kind === 'EDS' && discovery.serviceName !== name ? discovery.serviceName : '',
      dropped,
      overload: { category: drop?.category ?? '', dropped: overload },
      localities: hosts.hostSets.flatMap(({ priority, localities }) =>
        localities.map((one) => ({
          locality: one.locality,
          priority,
          hosts: one.hosts.map((host) => this.hostLoad(host, metrics.get(host.key))),
        })),
      ),
    };
  }

  private hostLoad({ key, address }: Host, metrics: HostLoad['metrics'] = NO_HOST_METRICS): HostLoad {
    const block = hostBlock(this.config.name, key);
    const [success, error, active, issued] = this.parts.hub.blockValues(block, LOAD_COUNTERS);
    return { key, address, success, error, active, issued, metrics };
  }

  private hostStatus(host: Host): HostStatus {
    const { config, parts } = this;
    return {
      address: host.address,
      additionalAddresses: host.additionalAddresses,
      hostname: host.hostname,
      weight: host.weight,
      locality: host.locality,
      priority: host.priority,
      canary: host.canary,
      metadata: host.metadata,
      healthFlags: host.healthFlags,
      counter: (name) => parts.hub.block(hostBlock(config.name, host.key), HOST_COUNTERS.indexOf(name)),
    };
  }
}

/** What came of the update in the next turn, such as its answer, is over. */
function afterNextTurn(work: () => void): void {
  setImmediate(() => setImmediate(work));
}

function isLarge({ priorities }: HostSetUpdate): boolean {
  let members = 0;
  for (const { localities } of priorities) for (const { hosts } of localities) members += hosts.length;
  return members > LARGE;
}
