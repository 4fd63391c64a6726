/**
 * What a listener filter is: one file with its name, configuration, stats and behaviour. It looks at a connection that was just accepted,
 * before a filter chain is chosen for it: at its ends, or at its first bytes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/listener_filters
 */
import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { ListenerFilterRun } from '#proxy/listeners/listener-filter-run.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { ConnectionView } from '#selection/request-view.ts';

/** Go on with the next filter. */
export const Continue = 0;
/** The filter has to see more bytes. */
export const Wait = 1;
/** The connection is closed. */
export const Close = 2;
export type ListenerFilterStatus = typeof Continue | typeof Wait | typeof Close;

/** `Config` is plain data; `Stats` is what `stats` made; `Prepared` what `prepare` made of the configuration, once a worker. */
export interface ListenerFilter<Config = unknown, Stats = unknown, Prepared = unknown> {
  /** `envoy.filters.listener.x` */
  name: string;
  /** The type of its configuration message. */
  message: string;
  /** Its configuration as plain data; throws or reports at `at` what it does not accept. */
  config(message: never, at: Place, context: ReadContext): Config;
  /** @param scope the root: Envoy counts these for all listeners together */
  stats?(scope: Scope, config: Config): Stats;
  prepare?(config: Config, worker: WorkerContext): Prepared;
  /** The connection is its turn. `Wait`: it has to look at bytes, and `data` is called as soon as there are some. */
  accept(run: ListenerFilterRun, use: ListenerFilterInUse<Config, Stats, Prepared>): ListenerFilterStatus;
  /** @param bytes everything that came so far and that no filter took; good only until it returns */
  data?(run: ListenerFilterRun, use: ListenerFilterInUse<Config, Stats, Prepared>, bytes: Buffer): ListenerFilterStatus;
}

/** A filter at its place in one listener. */
export interface ListenerFilterInUse<Config = unknown, Stats = unknown, Prepared = unknown> {
  filter: ListenerFilter<Config, Stats, Prepared>;
  config: Config;
  stats: Stats;
  prepared: Prepared;
  /** Whether it leaves this connection alone (filter_disabled); undefined: it looks at all. */
  disabled: ((connection: ConnectionView) => boolean) | undefined;
}

/** Names a filter's types once; the registry holds it without them. */
export function listenerFilter<Config, Stats, Prepared>(
  filter: ListenerFilter<Config, Stats, Prepared>,
): ListenerFilter {
  return filter as unknown as ListenerFilter;
}
