/**
 * When a thread counts as hung, and when that ends the process. Follows envoy.config.bootstrap.v3.Watchdogs and
 * https://www.envoyproxy.io/docs/envoy/latest/operations/performance#watchdog
 */
import type { Place } from '#api/place.ts';
import type { WatchdogConfig, WatchdogsConfig } from '#config/model/watchdog.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  Bootstrap,
  Watchdog,
  Watchdog_WatchdogAction as WatchdogAction,
} from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

const BOOTSTRAP = 'envoy.config.bootstrap.v3';
const ABORT = 'envoy.watchdog.v3.AbortActionConfig';
const check = honours(`${BOOTSTRAP}.Watchdogs`, ['main_thread_watchdog', 'worker_watchdog']);
const checkWatchdog = honours(`${BOOTSTRAP}.Watchdog`, [
  'actions',
  'miss_timeout',
  'megamiss_timeout',
  'kill_timeout',
  'max_kill_timeout_jitter',
  'multikill_timeout',
  'multikill_threshold',
]);
const checkAction = honours(`${BOOTSTRAP}.Watchdog.WatchdogAction`, ['config', 'event']);
const checkAbort = honours(ABORT, [], { withoutEffect: { wait_duration: 'the signal ends the process at once' } });

const DEFAULT_MISS = 200;
const DEFAULT_MEGA_MISS = 1000;
/** By number of WatchdogAction.WatchdogEvent. */
const EVENTS = ['UNKNOWN', 'KILL', 'MULTIKILL', 'MEGAMISS', 'MISS'] as const;

/** The old field holds for every thread. */
export function readWatchdogs({ watchdog, watchdogs }: Bootstrap, at: Place, context: ReadContext): WatchdogsConfig {
  const place = at.field('watchdogs');
  if (watchdog !== undefined && watchdogs !== undefined) {
    place.report('Only one of watchdog or watchdogs should be set!');
  }
  if (watchdogs === undefined) {
    const both = readWatchdog(watchdog, at.field('watchdog'), context);
    return { mainThread: both, workers: both };
  }
  check(watchdogs, place);
  return {
    mainThread: readWatchdog(watchdogs.mainThreadWatchdog, place.field('main_thread_watchdog'), context),
    workers: readWatchdog(watchdogs.workerWatchdog, place.field('worker_watchdog'), context),
  };
}

function readWatchdog(message: Watchdog | undefined, at: Place, context: ReadContext): WatchdogConfig {
  if (message !== undefined) checkWatchdog(message, at);
  const miss = millisecondsOr(message?.missTimeout, DEFAULT_MISS);
  const megaMiss = millisecondsOr(message?.megamissTimeout, DEFAULT_MEGA_MISS);
  const events = readAll(message?.actions ?? [], at.field('actions'), (action, place) =>
    readAction(action, place, context),
  );
  const kill = millisecondsOr(message?.killTimeout, 0);
  return {
    miss,
    megaMiss,
    kill,
    killJitter: kill === 0 ? 0 : millisecondsOr(message?.maxKillTimeoutJitter, 0),
    multikill: millisecondsOr(message?.multikillTimeout, 0),
    multikillShare: (message?.multikillThreshold?.value ?? 0) / 100,
    abortsOnMiss: events.includes('MISS'),
    abortsOnMegaMiss: events.includes('MEGAMISS'),
  };
}

/** @returns the event at which the process is to be ended; where a thread is to be killed it is in any case. */
function readAction(action: WatchdogAction, at: Place, context: ReadContext): (typeof EVENTS)[number] {
  checkAction(action, at);
  const place = at.field('config').field('typed_config');
  const { name = '', typedConfig } = action.config ?? {};
  const { typeName, message } = extensionMessage(typedConfig, name, place, context);
  if (typeName !== ABORT) throw unsupportedExtension(name, typeName, 'watchdog_action', place);
  checkAbort(message, place);
  return EVENTS[action.event] ?? 'UNKNOWN';
}
