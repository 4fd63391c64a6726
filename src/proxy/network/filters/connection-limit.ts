/**
 * Closes connections beyond a number that all workers count together, at once or after a while.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/connection_limit_filter
 */
import { Timer } from '#base/timers.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { type RuntimeFeatureFlag, readRuntimeFeatureFlag } from '#config/read/runtime-feature-flag.ts';
import { honours } from '#config/read/support.ts';
import type { ConnectionLimit } from '#envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb.js';
import { Continue, networkFilter, Stop } from '#proxy/network/network-filter.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

const MESSAGE = 'envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit';
const check = honours(MESSAGE, ['stat_prefix', 'max_connections', 'delay', 'runtime_enabled']);

interface Config {
  statPrefix: string;
  maxConnections: number;
  /** Milliseconds. */
  delay: number;
  enabled: RuntimeFeatureFlag;
  /** Connections of all workers: four bytes. */
  count: SharedArrayBuffer;
}

/** What is kept of a connection: whether it counts, and what will close it. */
interface Kept {
  counts: boolean;
  timer: Timer | undefined;
}

/** DOWNSTREAM_LOCAL_CLOSE_REASON */
const CLOSE_REASON = 'over_connection_limit';

export const connectionLimit = networkFilter<Config, ReturnType<typeof stats>, Int32Array>({
  name: 'envoy.filters.network.connection_limit',
  message: MESSAGE,
  config(message: ConnectionLimit, at) {
    check(message, at);
    return {
      statPrefix: message.statPrefix,
      maxConnections: Number(message.maxConnections ?? 0n),
      delay: millisecondsOr(message.delay, 0),
      enabled: readRuntimeFeatureFlag(message.runtimeEnabled, at.field('runtime_enabled'), true),
      count: new SharedArrayBuffer(4),
    };
  },
  stats,
  prepare: ({ count }) => new Int32Array(count),

  onNewConnection(run, use) {
    const { config, worker, prepared } = use;
    if (!worker.runtime.featureEnabled(config.enabled)) return Continue;
    const kept: Kept = { counts: true, timer: undefined };
    run.state[use.index] = kept;
    use.stats.activeConnections.inc();
    if (Atomics.add(prepared, 0, 1) < config.maxConnections) return Continue;
    Atomics.sub(prepared, 0, 1);
    kept.counts = false;
    use.stats.limitedConnections.inc();
    if (config.delay > 0) {
      kept.timer = new Timer(() => asEvent(() => run.close(CLOSE_REASON)));
      worker.timers.arm(kept.timer, config.delay);
    } else run.close(CLOSE_REASON);
    return Stop;
  },
  onData: (run, use) => ((run.state[use.index] as Kept | undefined)?.counts === false ? Stop : Continue),
  end(run, use) {
    const kept = run.state[use.index] as Kept | undefined;
    if (kept === undefined) return;
    use.stats.activeConnections.dec();
    if (kept.counts) Atomics.sub(use.prepared, 0, 1);
    if (kept.timer !== undefined) use.worker.timers.cancel(kept.timer);
  },
});

function stats(root: Scope, { statPrefix }: Config) {
  const scope = root.scope(`connection_limit.${statPrefix}`);
  return {
    activeConnections: scope.gauge('active_connections'),
    limitedConnections: scope.counter('limited_connections'),
  };
}
