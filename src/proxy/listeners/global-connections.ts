/**
 * How many connections of clients there may be over all workers and listeners. With the resource monitor
 * envoy.resource_monitors.global_downstream_max_connections listeners share its limit; those that bypass the overload manager, those of a proxy
 * without the monitor, and the admin API go by a key of the runtime, which counts every connection, whoever accepted it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge and what Envoy 1.40 does.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import { GLOBAL_CONNECTIONS_MONITOR } from '#config/read/overload.ts';
import { overloadResourceStats } from '#proxy/observe/stats/manager-stats.ts';
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

/** By which limit a connection is let in. */
export type Admission = 'monitor' | 'runtime' | 'free';

const RUNTIME_KEY = 'overload.global_downstream_max_connections';
/** The numbers that all threads share: all connections, those that the monitor counts, those of the admin API. */
const [ALL, MONITORED, ADMIN] = [0, 1, 2];

/** Memory for the counts. */
export function sharedConnectionCounts(): SharedArrayBuffer {
  return new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
}

/** Connections of listeners; those of the admin API are not among them. */
export function listenerConnections(shared: SharedArrayBuffer): number {
  const counts = new Int32Array(shared);
  return Atomics.load(counts, ALL) - Atomics.load(counts, ADMIN);
}

export class GlobalConnections {
  private readonly counts: Int32Array;
  /** The monitor's limit. */
  private readonly most: number | undefined;
  private readonly runtime: RuntimeView;
  private readonly failedUpdates: Counter | undefined;

  constructor(shared: SharedArrayBuffer, most: number | undefined, runtime: RuntimeView, root: Scope) {
    this.counts = new Int32Array(shared);
    this.most = most;
    this.runtime = runtime;
    if (most !== undefined) this.failedUpdates = overloadResourceStats(root, GLOBAL_CONNECTIONS_MONITOR).failedUpdates;
  }

  /** Of a listener. */
  admission(listener: Pick<ListenerConfig, 'ignoreGlobalConnLimit' | 'bypassOverloadManager'>): Admission {
    if (listener.ignoreGlobalConnLimit) return 'free';
    return this.most === undefined || listener.bypassOverloadManager ? 'runtime' : 'monitor';
  }

  /** @returns whether one more may be accepted; it then counts. */
  take(admission: Admission): boolean {
    if (admission === 'monitor' && !this.takeOf(MONITORED, this.most as number)) {
      this.failedUpdates?.inc();
      return false;
    }
    const most = admission === 'runtime' ? this.runtime.integer(RUNTIME_KEY, Number.POSITIVE_INFINITY) : undefined;
    return this.takeOf(ALL, most ?? Number.POSITIVE_INFINITY);
  }

  give(admission: Admission): void {
    if (admission === 'monitor') Atomics.sub(this.counts, MONITORED, 1);
    Atomics.sub(this.counts, ALL, 1);
  }

  /** The same for a connection to the admin API. */
  takeAdmin(admission: Admission): boolean {
    const taken = this.take(admission);
    if (taken) Atomics.add(this.counts, ADMIN, 1);
    return taken;
  }

  giveAdmin(admission: Admission): void {
    Atomics.sub(this.counts, ADMIN, 1);
    this.give(admission);
  }

  private takeOf(number: number, most: number): boolean {
    if (Atomics.add(this.counts, number, 1) < most) return true;
    Atomics.sub(this.counts, number, 1);
    return false;
  }
}
