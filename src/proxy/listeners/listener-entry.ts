/**
 * The way of a connection into a listener, up to its filter chain: limits, listener filters, and on to another listener where it was meant
 * for that one.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listener_filters and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/runtime
 */
import type { Socket } from 'node:net';
import type { Timer } from '#base/timers.ts';
import type { Address } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { ConnectionBalance } from '#proxy/listeners/connection-balance.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { DownstreamLimit } from '#proxy/listeners/downstream-limit.ts';
import type { Admission } from '#proxy/listeners/global-connections.ts';
import type { ListenerFilterInUse } from '#proxy/listeners/listener-filter.ts';
import {
  type ListenerFilterCaller,
  type ListenerFilterOutcome,
  ListenerFilterRun,
} from '#proxy/listeners/listener-filter-run.ts';
import { discoveredKeys, listenerFiltersInUse } from '#proxy/listeners/listener-filters-in-use.ts';
import type { ConnectionTaker, InternalConnection } from '#proxy/listeners/listener-lookup.ts';
import type { ListenerStats } from '#proxy/observe/stats/listener-stats.ts';
import { adoptDescriptor } from '#proxy/transport/adopt-descriptor.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { duplicateDescriptor, loadNative } from '#proxy/transport/native-sockets.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** The listener that is entered. */
export interface EnteredListener {
  readonly config: ListenerConfig;
  readonly stats: ListenerStats;
  /** It may have a filter chain. @param early what was read of it before */
  choose(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void;
  /** It is closed, and never had a filter chain. */
  onDropped(connection: DownstreamConnection): void;
  /** It is closed: the configuration of a listener filter is not there. */
  onMissingFilter(): void;
}

export class ListenerEntry implements ListenerFilterCaller, ConnectionTaker {
  private readonly listener: EnteredListener;
  private readonly worker: WorkerContext;
  private readonly limit: DownstreamLimit;
  private readonly admission: Admission;
  /** Workers get equally many connections; undefined: what comes here stays here. */
  private readonly balance: ConnectionBalance | undefined;
  private filters: readonly ListenerFilterInUse[];
  private readonly forgetFilters: () => void;
  /** Connections that listener filters still look at. */
  private readonly filtering = new Set<ListenerFilterRun>();

  constructor(listener: EnteredListener, worker: WorkerContext) {
    const { config } = listener;
    this.listener = listener;
    this.worker = worker;
    this.admission = worker.connections.admission(config);
    const limitKey = `envoy.resource_limits.listener.${config.name}.connection_limit`;
    this.limit = new DownstreamLimit(config.connectionCount, () =>
      worker.runtime.integer(limitKey, Number.POSITIVE_INFINITY),
    );
    this.balance =
      config.balance === undefined || worker.concurrency === 1
        ? undefined
        : new ConnectionBalance(config.balance, worker.concurrency);
    if (this.balance !== undefined) loadNative();
    const prepare = () => listenerFiltersInUse(config, worker, () => listener.onMissingFilter());
    this.filters = prepare();
    this.forgetFilters = worker.extensions.onChange(discoveredKeys(config), () => {
      this.filters = prepare();
    });
  }

  accept(accepted: OwnedSocket, address: Address): void {
    this.listener.stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.admit(accepted)) return;
    if (!this.limit.take()) {
      this.listener.stats.downstreamCxOverflow.inc();
      this.worker.connections.give(this.admission);
      accepted.destroy();
      return;
    }
    const { index } = this.worker;
    const worker = address.kind === 'ip' ? (this.balance?.pick() ?? index) : index;
    if (address.kind !== 'ip') this.balance?.add(index);
    if (worker !== index) {
      const { name } = this.listener.config;
      this.worker.handOver(worker, { listener: name, fd: descriptorFor(accepted), admission: this.admission });
      return;
    }
    this.enter(accepted, address);
  }

  /** Another worker accepted it, and counted it among ours: see `balance`. */
  takeOver(fd: number): void {
    this.enter(adoptDescriptor(fd), this.listener.config.addresses[0]);
  }

  private enter(socket: OwnedSocket, address: Address): void {
    const connection = new DownstreamConnection();
    connection.startMark = clock.now();
    const unix = address.kind === 'pipe';
    if (socket.remoteAddress === undefined && !unix) {
      // The client is gone already.
      this.giveBack();
      socket.destroy();
      return;
    }
    if (unix) connection.setPath(address.path);
    else
      connection.setAddresses(
        socket.localAddress ?? '',
        socket.localPort ?? 0,
        socket.remoteAddress ?? '',
        socket.remotePort ?? 0,
      );
    connection.handle = (socket as unknown as { _handle?: { fd: number } })._handle;
    this.begin(socket, connection, undefined);
  }

  acceptInternal(socket: OwnedSocket, { endpointId, metadata, state }: InternalConnection): void {
    this.listener.stats.connectionsAcceptedPerSocketEvent.record(1);
    if (!this.admit(socket)) return;
    this.countIn();
    const connection = new DownstreamConnection();
    connection.startMark = clock.now();
    connection.setInternal(this.listener.config.name, endpointId);
    connection.dynamicMetadata = metadata;
    connection.filterState = state?.values;
    connection.sharedState = state?.shared;
    this.begin(socket, connection, undefined);
  }

  /** Takes over a connection that came to another listener and was on its way to this one's address (use_original_dst). */
  adopt(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    if (!this.admit(socket)) return;
    this.countIn();
    connection.handedOff = true;
    this.begin(socket, connection, early);
  }

  /** Whether the limit on all connections lets one more in; it is closed where it does not. */
  private admit(socket: Socket): boolean {
    const { stats } = this.listener;
    if (!this.worker.connections.take(this.admission)) {
      stats.downstreamGlobalCxOverflow.inc();
      socket.destroy();
      return false;
    }
    return true;
  }

  /** One more, whatever the listener's own limit. */
  private countIn(): void {
    this.limit.force();
    this.balance?.add(this.worker.index);
  }

  /** The connection's place among those that the limits allow is free again. */
  giveBack(): void {
    this.limit.give();
    this.balance?.give(this.worker.index);
    this.worker.connections.give(this.admission);
  }

  private begin(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    connection.listenerName = this.listener.config.name;
    connection.listenerMetadata = this.listener.config.metadata;
    connection.bufferLimit = this.listener.config.perConnectionBufferLimitBytes;
    if (this.filters.length === 0) {
      this.listener.choose(socket, connection, early);
      return;
    }
    const run = new ListenerFilterRun(socket, connection, this.filters, this, early);
    this.listener.stats.downstreamPreCxActive.inc();
    this.filtering.add(run);
    run.start();
  }

  get listenerFiltersTimeout(): number {
    return this.listener.config.listenerFiltersTimeout;
  }

  armTimer(timer: Timer): void {
    this.worker.timers.arm(timer, this.listenerFiltersTimeout);
  }

  cancelTimer(timer: Timer): void {
    this.worker.timers.cancel(timer);
  }

  /** Called by the run: the listener filters have looked at the connection. */
  onFiltered(run: ListenerFilterRun, outcome: ListenerFilterOutcome): void {
    const { stats, config } = this.listener;
    const { socket, connection, early } = run;
    this.filtering.delete(run);
    stats.downstreamPreCxActive.dec();
    if (outcome === 'timeout') stats.downstreamPreCxTimeout.inc();
    else if (outcome === 'remote_close') stats.downstreamListenerFilterRemoteClose.inc();
    else if (outcome === 'error') stats.downstreamListenerFilterError.inc();
    if (outcome !== 'ready' && !(outcome === 'timeout' && config.continueOnListenerFiltersTimeout)) {
      this.drop(socket, connection, early);
      return;
    }
    const other = this.originalListener(connection);
    if (other === undefined) this.listener.choose(socket, connection, early);
    else {
      this.giveBack();
      other.adopt(socket, connection, early);
    }
  }

  /** The listener that a redirected connection was on its way to, where it is handed on. */
  private originalListener(connection: DownstreamConnection): ConnectionTaker | undefined {
    if (!this.listener.config.useOriginalDst || connection.handedOff || !connection.destinationRestored)
      return undefined;
    return this.worker.listeners.byAddress(connection.destinationAddress, connection.destinationPort);
  }

  /** Closes what never became a connection of a filter chain. */
  drop(socket: OwnedSocket, connection: DownstreamConnection, early: Buffer | undefined): void {
    closeUnanswered(socket, early);
    this.giveBack();
    this.listener.onDropped(connection);
  }

  /** The listener ends: those that are still looked at go with it. */
  abandon(): void {
    this.forgetFilters();
    for (const run of this.filtering) run.abandon();
  }
}

/** Closes a socket; what was read of it and nobody answers resets it, as it would had it not been read. */
export function closeUnanswered(socket: Socket, unanswered: Buffer | undefined): void {
  // A unix socket cannot be reset.
  if (unanswered === undefined || socket.destroyed || socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** Takes a connection out of its socket: the descriptor is somebody else's. */
function descriptorFor(accepted: Socket): number {
  const { fd } = (accepted as unknown as { _handle: { fd: number } })._handle;
  const taken = duplicateDescriptor(fd);
  accepted.destroy();
  return taken;
}
