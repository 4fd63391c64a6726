/**
 * What a network filter is: one file with its name, configuration, stats and behaviour. Callbacks answer Continue or Stop. The last filter of a
 * chain is a terminal one, which takes connections over: the HTTP connection manager, the TCP proxy.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/network_filters
 */
import type { Socket } from 'node:net';
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { FilterChainParts } from '#proxy/listeners/filter-chain-in-use.ts';
import type { FilterRun } from '#proxy/network/filter-run.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { SocketOwner } from '#proxy/transport/owned-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** Go on with the next filter. */
export const Continue = 0;
/** Wait: what follows is held until `run.continueReading(use)`, or more is read, or the connection was closed. */
export const Stop = 1;
export type FilterStatus = typeof Continue | typeof Stop;

/** What both kinds of filters are registered by. `Config` is plain data. */
interface Registered<Config> {
  /** `envoy.filters.network.x` */
  name: string;
  /** The type of its configuration message. */
  message: string;
  /** Its configuration as plain data; throws or reports at `at` what it does not accept. */
  config(message: never, at: Place, context: ReadContext): Config;
}

/** `Stats` is what `stats` made; what a filter keeps of one connection is in `run.state`. */
export interface NetworkFilter<Config = unknown, Stats = unknown, Prepared = unknown> extends Registered<Config> {
  terminal?: false;
  /** @param scope the root of the thread's stats */
  stats?(scope: Scope, config: Config): Stats;
  /** Compiles what is worth compiling, once per worker. */
  prepare?(config: Config, parts: FilterChainParts): Prepared;

  /** A connection was accepted: before TLS, where the chain has it. */
  onNewConnection?(run: FilterRun, use: NetworkFilterInUse<Config, Stats, Prepared>): FilterStatus;
  /** TLS was agreed on. */
  onSecured?(run: FilterRun, use: NetworkFilterInUse<Config, Stats, Prepared>): void;
  /**
   * Bytes from the client: all that no later filter has seen yet. They are good until this returns. @param end the client sends no more
   */
  onData?(run: FilterRun, use: NetworkFilterInUse<Config, Stats, Prepared>, bytes: Buffer, end: boolean): FilterStatus;
  /** The connection is over, whatever way. */
  end?(run: FilterRun, use: NetworkFilterInUse<Config, Stats, Prepared>): void;
}

/** A filter that takes connections over. */
export interface TerminalFilter<Config = unknown> extends Registered<Config> {
  terminal: true;
  /** Makes it ready on one worker. */
  use(config: Config, parts: FilterChainParts): TerminalInUse;
}

/** A filter at its place in one chain, on one worker. */
export interface NetworkFilterInUse<Config = unknown, Stats = unknown, Prepared = unknown> {
  index: number;
  filter: NetworkFilter<Config, Stats, Prepared>;
  config: Config;
  prepared: Prepared;
  stats: Stats;
  worker: WorkerContext;
}

/** What takes connections over, as the listener room sees it. */
export interface TerminalInUse {
  /** A connection is on its way here: TLS may have to be agreed on first. @returns false where it is closed instead */
  begin(connection: DownstreamConnection): boolean;
  /** It does not come: the handshake failed, or it was closed before. @param closedByUs by a filter, or since it took too long */
  lost(connection: DownstreamConnection, closedByUs: boolean): void;
  /** Takes a connection: the result gets its socket's events. */
  accept(socket: Socket, connection: DownstreamConnection): SocketOwner;
  /** The listener drains: idle connections close. */
  drain(): void;
  /** The drain time is over: every connection closes. */
  closeAll(): void;
  /** Connections outlive their clients' ends: filters see those. */
  readonly halfClose?: boolean;
  /** Connections open. */
  readonly active: number;
}

/** Names a filter's types once; the registry holds it without them. */
export function networkFilter<Config, Stats, Prepared>(filter: NetworkFilter<Config, Stats, Prepared>): NetworkFilter {
  return filter as unknown as NetworkFilter;
}

/** The same for a terminal one. */
export function terminalFilter<Config>(filter: Omit<TerminalFilter<Config>, 'terminal'>): TerminalFilter {
  return { ...filter, terminal: true } as unknown as TerminalFilter;
}
