/**
 * What access logs and their filters use of the thread that they run on.
 */
import type { Random } from '#base/random.ts';
import type { Timers } from '#base/timers.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

export interface AccessLogContext {
  /** The root of the thread's stats. */
  scope: Scope;
  timers: Timers;
  runtime: RuntimeView;
  /** Milliseconds between writes of a file. */
  flushInterval: number;
  /** A file is written once it has more bytes than this, whatever the time; 64 KiB where it is not given. */
  flushBytes?: number;
  /** Decides for runtime filters that do not go by the request's id; the system's where it is not given. */
  random?: Random;
}
