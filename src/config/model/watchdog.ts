/** When a thread counts as hung. Follows envoy.config.bootstrap.v3.Watchdog; times are milliseconds. */
export interface WatchdogConfig {
  miss: number;
  megaMiss: number;
  /** A thread that does not move for so long ends the process; 0: none does. */
  kill: number;
  /** So much at most is added to `kill`, by chance. */
  killJitter: number;
  /** Several threads that do not move for so long end the process; 0: they do not. */
  multikill: number;
  /** The share of the threads that it takes, two at least. */
  multikillShare: number;
  /** Actions: a miss ends the process, or a mega miss. */
  abortsOnMiss: boolean;
  abortsOnMegaMiss: boolean;
}

export interface WatchdogsConfig {
  mainThread: WatchdogConfig;
  workers: WatchdogConfig;
}
