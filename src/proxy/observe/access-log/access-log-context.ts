/**
 * What access logs and their filters use of the thread that they run on.
 */
import type { Random } from '#base/random.ts';
import type { Timers } from '#base/timers.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { RuntimeView } from '#selection/runtime-view.ts';

/** How files are written: the same for all of a process. */
export interface LogFileSettings {
  /** Milliseconds between writes of a file. */
  flushInterval: number;
  /** A file is written once it has more bytes than this, whatever the time. */
  flushBytes: number;
  /** How many threads write to each file. */
  writers: number;
}

export interface AccessLogContext {
  /** The root of the thread's stats. */
  scope: Scope;
  timers: Timers;
  runtime: RuntimeView;
  files: LogFileSettings;
  /** Decides for runtime filters that do not go by the request's id; the system's where it is not given. */
  random?: Random;
}
