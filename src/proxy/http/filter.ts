/**
 * What an HTTP filter is: one file with its name, configuration, stats and behaviour. Callbacks answer Continue or Stop; nothing waits on a
 * promise unless the filter really waits.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_filters
 */

import type { Place } from '#api/place.ts';
import type { ReadContext } from '#config/read/context.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { Headers } from '#wire/headers.ts';

/** Go on with the next filter. */
export const Continue = 0;
/**
 * Wait: the head, and what is shown from now on, is held until `stream.filters.continueRequest()` or `continueResponse()`, or this filter
 * answers Continue to what follows, or the stream was answered. What follows is still shown to it (Envoy's StopIteration for heads,
 * StopIterationAndBuffer for data).
 */
export const Stop = 1;
/** Of heads alone: as Stop, and what follows is not shown before it goes on (StopAllIterationAndWatermark). */
export const StopAll = 2;
/** Of data alone: as Stop, but this piece is not held: the filter keeps what it wants of it (StopIterationNoBuffer). */
export const StopNoBuffer = 3;
export type FilterStatus = typeof Continue | typeof Stop | typeof StopAll;
/** A buffer goes on in place of the data that was shown; in place of trailers it is the last of the body. */
export type DataStatus = typeof Continue | typeof Stop | typeof StopAll | typeof StopNoBuffer | Buffer;

/** `Config` is plain data; `Stats` is what `stats` made; what a filter keeps of one stream is in `stream.filters.state`. */
export interface HttpFilter<Config = unknown, Stats = unknown> {
  /** `envoy.filters.http.x` */
  name: string;
  /** The type of its configuration message. */
  message: string;
  /** Its configuration as plain data; throws or reports at `at` what it does not accept. */
  config(message: never, at: Place, context: ReadContext): Config;
  /** The same for typed_per_filter_config, where it has another message. */
  perRoute?: { message: string; config(message: never, at: Place, context: ReadContext): unknown };
  stats?(scope: Scope, config: Config): Stats;
  /** Compiles what is worth compiling, once per worker. */
  prepare?(config: Config): unknown;

  request?(stream: HttpStream, use: FilterInUse<Config, Stats>, end: boolean): FilterStatus;
  requestData?(stream: HttpStream, use: FilterInUse<Config, Stats>, chunk: Buffer, end: boolean): DataStatus;
  requestTrailers?(stream: HttpStream, use: FilterInUse<Config, Stats>, trailers: Headers): DataStatus;
  response?(stream: HttpStream, use: FilterInUse<Config, Stats>, end: boolean): FilterStatus;
  responseData?(stream: HttpStream, use: FilterInUse<Config, Stats>, chunk: Buffer, end: boolean): DataStatus;
  responseTrailers?(stream: HttpStream, use: FilterInUse<Config, Stats>, trailers: Headers): DataStatus;
  /** The stream is over, whatever way. */
  end?(stream: HttpStream, use: FilterInUse<Config, Stats>): void;
}

/** A filter at its place in one connection manager's chain. */
export interface FilterInUse<Config = unknown, Stats = unknown> {
  /** The name that the configuration gives it; per-route configuration is keyed by it. */
  name: string;
  index: number;
  filter: HttpFilter<Config, Stats>;
  config: Config;
  prepared: unknown;
  stats: Stats;
  disabled: boolean;
}

/** Names a filter's types once; the registry holds it without them. */
export function httpFilter<Config, Stats>(filter: HttpFilter<Config, Stats>): HttpFilter {
  return filter as unknown as HttpFilter;
}
