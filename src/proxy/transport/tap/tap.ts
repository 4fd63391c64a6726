/**
 * The tap around one transport on one worker: which connections are tapped, and how that is counted.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/traffic_tapping
 */
import type { Random } from '#base/random.ts';
import type { TapConfig } from '#config/model/tap.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { SocketTap, type TappedConnection } from '#proxy/transport/tap/socket-tap.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export type TapStats = ReturnType<typeof tapStats>;

/** @param scope the root of the stats */
export function tapStats(scope: Scope, prefix: string) {
  const below = scope.scope(prefix === '' ? 'transport.tap' : `transport.tap.${prefix}`);
  return {
    streamedSubmit: below.counter('streamed_submit'),
    bufferedSubmit: below.counter('buffered_submit'),
    cxSampledOut: below.counter('cx_sampled_out'),
  };
}

export interface TapParts {
  /** The root of the stats. */
  scope: Scope;
  runtime: RuntimeLookup;
  random: Random;
}

export class Tap {
  private readonly config: TapConfig;
  private readonly parts: TapParts;
  /** Made with the first connection, as in Envoy. */
  private stats: TapStats | undefined = undefined;

  constructor(config: TapConfig, parts: TapParts) {
    this.config = config;
    this.parts = parts;
  }

  /** @returns what is to hear of the connection; undefined where it is not tapped */
  begin(connection: TappedConnection): SocketTap | undefined {
    const { enabled, matches, statsPrefix } = this.config;
    const { scope, runtime, random } = this.parts;
    this.stats ??= tapStats(scope, statsPrefix);
    if (enabled !== undefined && !runtime.enabled(enabled, random.uint32())) {
      this.stats.cxSampledOut.inc();
      return undefined;
    }
    return matches ? new SocketTap(this.config, this.stats, connection) : undefined;
  }
}
