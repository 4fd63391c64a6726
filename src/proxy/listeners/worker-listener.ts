/**
 * A listener on one worker: accepts connections, chooses a filter chain for each, hands it to the chain's network filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listeners
 */
import { type Address, addressText } from '#config/model/address.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { buildFilterChain, type FilterChainInUse } from '#proxy/listeners/filter-chain-in-use.ts';
import { ListenSocket } from '#proxy/listeners/listen-socket.ts';
import { closeUnanswered, type EnteredListener, ListenerEntry } from '#proxy/listeners/listener-entry.ts';
import type { ServedListener } from '#proxy/listeners/served-listener.ts';
import type { TerminalInUse } from '#proxy/network/network-filter.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import {
  type ListenerExtensionStats,
  type ListenerStats,
  type ListenerThreadStats,
  listenerExtensionStats,
  listenerStats,
  listenerThreadStats,
} from '#proxy/observe/stats/listener-stats.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { loadNative } from '#proxy/transport/native-sockets.ts';
import { type OwnedSocket, own, type SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { SocketTap } from '#proxy/transport/tap/socket-tap.ts';
import { tappedOwner, tapWrites } from '#proxy/transport/tap/tap-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { BoundAddress, FilterChainUpdate, ListenPlace } from '#proxy/worker-messages.ts';
import { type CompiledFilterChains, compileFilterChains } from '#selection/compile-filter-chains.ts';
import { selectFilterChain } from '#selection/select-filter-chain.ts';

/** The name of a listener among the stats: its stat_prefix, or its address with ':' replaced. */
export function listenerStatName(config: ListenerConfig): string {
  return config.statPrefix !== '' ? config.statPrefix : addressText(config.addresses[0]);
}

export class WorkerListener implements ServedListener, EnteredListener {
  config: ListenerConfig;
  private readonly worker: WorkerContext;
  readonly stats: ListenerStats;
  private readonly threadStats: ListenerThreadStats;
  private readonly extensionStats: ListenerExtensionStats;
  private chains: CompiledFilterChains;
  private inUse = new Map<FilterChain, FilterChainInUse>();
  private sockets: ListenSocket[] = [];
  readonly entry: ListenerEntry;
  private readonly accessLogs: AccessLogger[];
  /** It takes no more connections, also none from other listeners. */
  stopped = false;
  private draining = false;
  /** Filter chains that are no more, with connections that still are; by the number of the update that took them away. */
  private readonly leaving = new Map<number, FilterChainInUse[]>();

  constructor(config: ListenerConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const scope = worker.scope.scope(`listener.${listenerStatName(config)}`);
    this.stats = listenerStats(scope);
    this.extensionStats = listenerExtensionStats(scope);
    this.threadStats = listenerThreadStats(scope.scope(`worker_${worker.index}`));
    this.chains = compileFilterChains(config);
    this.entry = new ListenerEntry(this, worker);
    // Now rather than with the first connection.
    if (config.addresses[0].kind === 'internal') loadNative();
    this.accessLogs = compileAccessLogs(config.accessLog, {
      scope: worker.scope,
      timers: worker.timers,
      runtime: worker.runtime,
      files: worker.logFiles,
    });
    for (const chain of allChains(config)) this.inUse.set(chain, this.build(chain));
  }

  private build(chain: FilterChain): FilterChainInUse {
    const { config, worker } = this;
    const leavesUnhealthy = config.drainType === 'DEFAULT';
    const drain = worker.drain.another();
    return buildFilterChain(chain, {
      worker,
      config,
      listenerScope: `listener.${listenerStatName(config)}`,
      onMissingFilter: () => this.extensionStats.networkExtensionConfigMissing.inc(),
      drain,
      drainsNow: () =>
        this.draining ||
        (worker.drain.unhealthy && leavesUnhealthy) ||
        worker.drain.closesNow(worker.random) ||
        drain.closesNow(worker.random),
    });
  }

  /**
   * Other filter chains, on the same sockets: connections of chains that stay are left alone, those of others drain.
   */
  updateChains({ config, filterChains, defaultFilterChain, update }: FilterChainUpdate): void {
    const former = this.config;
    const keptDefault = defaultFilterChain === 'kept' ? former.defaultFilterChain : defaultFilterChain;
    this.config = {
      ...config,
      filterChains: filterChains.map((chain) => (typeof chain === 'number' ? former.filterChains[chain] : chain)),
      ...(keptDefault === undefined ? {} : { defaultFilterChain: keptDefault }),
    };
    const inUse = new Map<FilterChain, FilterChainInUse>();
    for (const chain of allChains(this.config)) inUse.set(chain, this.inUse.get(chain) ?? this.build(chain));
    const gone = [...this.inUse].filter(([chain]) => !inUse.has(chain)).map(([, chain]) => chain);
    this.inUse = inUse;
    this.chains = compileFilterChains(this.config);
    for (const { drain } of gone) drain.start(false);
    this.leaving.set(update, gone);
  }

  /** The drain time of chains that an update took away is over. */
  endChains(update: number): void {
    for (const chain of this.leaving.get(update) ?? []) endChain(chain);
    this.leaving.delete(update);
  }

  /** The listener is removed or replaced: nothing more is accepted, connections drain. */
  leave(): void {
    this.stop();
    for (const { drain } of this.inUse.values()) drain.start(false);
  }

  /** The drain time is over. */
  end(): void {
    this.stop();
    for (const chain of this.inUse.values()) endChain(chain);
    for (const update of this.leaving.keys()) this.endChains(update);
    this.entry.abandon();
  }

  /**
   * Listens on every address. A port 0 is chosen by the system.
   * @param places for each address, where the others of this process or of the one before listen already
   * @param former the listener that this one replaces: its sockets are taken over where the addresses are the same
   * @throws with Envoy's words where an address cannot be bound: then the former one still serves
   */
  async listen(places: readonly ListenPlace[], former?: ServedListener): Promise<BoundAddress[]> {
    const predecessor = former instanceof WorkerListener ? former : undefined;
    const theirs = [...(predecessor?.sockets ?? [])];
    const taken: ListenSocket[] = [];
    const [internal] = this.config.addresses;
    if (internal.kind === 'internal') return [{ address: internal, fds: [], kind: 'pipe', reusable: true }];
    for (const [i, address] of this.config.addresses.entries()) {
      const options = this.config.socketOptions[i] ?? [];
      const at = theirs.findIndex((socket) => socket.serves(address, options, this.config));
      if (at >= 0) {
        taken.push(...theirs.splice(at, 1));
        this.sockets.push(taken[taken.length - 1]);
        continue;
      }
      const socket = new ListenSocket(address, options, this);
      this.sockets.push(socket);
      await socket.open(places[i] ?? NOWHERE);
    }
    for (const socket of taken) socket.owner = this;
    if (predecessor !== undefined) predecessor.sockets = theirs;
    return this.sockets.map(({ bound }) => bound);
  }

  /** The listener could not listen: what it opened is closed, what it was to take over stays with its owner. */
  giveUp(): void {
    for (const socket of this.sockets) if (socket.owner === this) socket.close();
    this.sockets = [];
  }

  accept(accepted: OwnedSocket, address: Address): void {
    this.entry.accept(accepted, address);
  }

  /** Called by the entry: gives the connection a filter chain. @param early what was read of it before */
  choose(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    const chain = selectFilterChain(this.chains, connection);
    if (chain === undefined) {
      this.stats.noFilterChainMatch.inc();
      connection.stream.responseCodeDetails = 'filter_chain_not_found';
      connection.stream.setFlag(Flag.NoRouteFound);
      this.entry.drop(socket, connection, early);
      return;
    }
    this.stats.downstreamCxTotal.inc();
    this.stats.downstreamCxActive.inc();
    this.threadStats.downstreamCxTotal.inc();
    this.threadStats.downstreamCxActive.inc();
    const inUse = this.inUse.get(chain) as FilterChainInUse;
    connection.filterChainName = chain.name;
    connection.secured = inUse.tls !== undefined;
    connection.filterChainMetadata = chain.metadata;
    if (!inUse.filter.begin(connection)) {
      closeUnanswered(socket, early);
      inUse.filter.lost(connection, true);
      this.onClosed(connection);
      return;
    }
    const tap = inUse.tap?.begin(connection);
    if (inUse.tls === undefined) {
      this.serve(inUse.filter, socket, connection, early, tap);
      return;
    }
    inUse.tls.accept(socket, early, connection, this.worker, (secure) => {
      connection.abandon = undefined;
      if (secure === undefined) {
        inUse.filter.lost(connection, connection.closedByUs || connection.terminationDetails !== '');
        tap?.onClose();
        this.onClosed(connection);
      } else this.serve(inUse.filter, secure, connection, undefined, tap);
    });
  }

  /** Gives the connection to its filters. @param early what was read of it before */
  private serve(
    filter: TerminalInUse,
    socket: OwnedSocket,
    connection: DownstreamConnection,
    early: Buffer | undefined,
    tap: SocketTap | undefined,
  ): void {
    if (tap !== undefined) tapWrites(socket, tap);
    const terminal = filter.accept(socket, connection);
    const owner = tap === undefined ? terminal : tappedOwner(terminal, tap);
    const close = owner.onClose.bind(owner);
    const counted: SocketOwner = {
      onRead: (count, bytes) => owner.onRead(count, bytes),
      onEnd: () => asEvent(() => owner.onEnd()),
      onDrain: () => asEvent(() => owner.onDrain()),
      onError: (error) => {
        if (error.code === 'ECONNRESET') connection.stream.downstreamCloseType = 'RemoteReset';
        owner.onError?.(error);
      },
      onClose: () =>
        asEvent(() => {
          close();
          if (this.accessLogs.length > 0) connection.stream.countBytes(socket);
          this.onClosed(connection);
        }),
    };
    own(socket, counted, false);
    if (early !== undefined && !socket.destroyed) counted.onRead(early.length, early);
  }

  /** Called by the entry: it is closed, and never had a filter chain. */
  onDropped(connection: DownstreamConnection): void {
    if (this.accessLogs.length > 0) this.log(connection);
  }

  onMissingFilter(): void {
    this.extensionStats.extensionConfigMissing.inc();
  }

  private onClosed(connection: DownstreamConnection): void {
    this.stats.downstreamCxActive.dec();
    this.stats.downstreamCxDestroy.inc();
    this.threadStats.downstreamCxActive.dec();
    this.stats.downstreamCxLengthMs.record(Math.round(clock.now() - connection.startMark));
    this.entry.giveBack();
    if (this.accessLogs.length > 0) this.log(connection);
  }

  private log({ stream }: DownstreamConnection): void {
    stream.marks.complete = clock.now();
    stream.accessLogType = '';
    for (const logger of this.accessLogs) logger.log(stream);
  }

  /** Stops accepting. */
  stop(): void {
    this.stopped = true;
    for (const socket of this.sockets) socket.close();
    this.sockets = [];
  }

  /** From now on connections close as their requests end; idle ones at once. */
  drain(): void {
    this.draining = true;
    for (const { filter } of [...this.inUse.values(), ...[...this.leaving.values()].flat()])
      asEvent(() => filter.drain());
  }

  get activeConnections(): number {
    let active = 0;
    for (const { filter } of this.inUse.values()) active += filter.active;
    return active;
  }
}

function allChains({ filterChains, defaultFilterChain }: ListenerConfig): FilterChain[] {
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}

function endChain({ filter, tls }: FilterChainInUse): void {
  tls?.close();
  asEvent(() => filter.closeAll());
}

const NOWHERE: ListenPlace = { port: 0, fds: [] };
