/**
 * What main thread and workers tell each other. Everything is plain data; with one worker, which lives on the main thread, the same
 * messages are plain calls.
 */

import type { LoggingOptions, LogLevel } from '#base/logger.ts';
import type { Address } from '#config/model/address.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { HistogramInterval, StatDefinitions } from '#proxy/observe/stats/definitions.ts';
import type { CircuitBreakerSlots } from '#proxy/upstream/circuit-breaker-slots.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import type { RuntimeSnapshot } from '#selection/runtime-view.ts';

/** What a worker is made of. */
export interface WorkerStart {
  index: number;
  concurrency: number;
  snapshot: Snapshot;
  runtime: RuntimeSnapshot;
  /** By cluster name. */
  circuitBreakers: { [cluster: string]: CircuitBreakerSlots };
  /** Counts client connections of all workers. */
  downstreamCount: SharedArrayBuffer;
  /** Random bytes, new in each process, for the keys of TLS session tickets. */
  ticketSecret: Uint8Array;
  drainTimeMs: number;
  drainStrategy: 'gradual' | 'immediate';
  fileFlushIntervalMs: number;
  logging: LoggingOptions;
}

export type ToWorker =
  /** Bind the listeners; `ports` by listener name, as the first worker got them. */
  | { kind: 'listen'; ports: { [listener: string]: number[] } }
  | { kind: 'hosts'; update: HostSetUpdate }
  | { kind: 'runtime'; snapshot: RuntimeSnapshot }
  | { kind: 'stop_listeners'; inboundOnly: boolean }
  | { kind: 'drain'; immediate: boolean }
  | { kind: 'reopen_logs' }
  | { kind: 'log_level'; component: string | undefined; level: LogLevel }
  | { kind: 'histograms' }
  | { kind: 'stop' };

export type FromWorker =
  | { kind: 'ready' }
  | { kind: 'listening'; bound: { [listener: string]: Address[] } }
  | { kind: 'cannot_listen'; message: string }
  | { kind: 'stats'; definitions: StatDefinitions }
  | { kind: 'histograms'; intervals: HistogramInterval[] }
  | { kind: 'bug' }
  | { kind: 'stopped' };
