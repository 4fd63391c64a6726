/** Watchdogs for tests. */
import type { WatchdogConfig } from '#config/model/watchdog.ts';

/** Envoy's defaults: misses are counted, and nothing ends the process. */
export const DEFAULT_WATCHDOG: WatchdogConfig = {
  miss: 200,
  megaMiss: 1000,
  kill: 0,
  killJitter: 0,
  multikill: 0,
  multikillShare: 0,
  abortsOnMiss: false,
  abortsOnMegaMiss: false,
};
