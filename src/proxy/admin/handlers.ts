/**
 * Every command of the admin API, sorted by path.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */
import type { AdminHandler } from '#proxy/admin/handler.ts';
import * as actions from '#proxy/admin/handlers/actions.ts';
import { certs } from '#proxy/admin/handlers/certs.ts';
import { clusters } from '#proxy/admin/handlers/clusters.ts';
import { configDump } from '#proxy/admin/handlers/config-dump.ts';
import { contention } from '#proxy/admin/handlers/contention.ts';
import { explain } from '#proxy/admin/handlers/explain.ts';
import { help } from '#proxy/admin/handlers/help.ts';
import { home } from '#proxy/admin/handlers/home.ts';
import { hotRestartVersion } from '#proxy/admin/handlers/hot-restart-version.ts';
import { initDump } from '#proxy/admin/handlers/init-dump.ts';
import { listeners } from '#proxy/admin/handlers/listeners.ts';
import { logging } from '#proxy/admin/handlers/logging.ts';
import { memory, memoryAllocator } from '#proxy/admin/handlers/memory.ts';
import * as profilers from '#proxy/admin/handlers/profilers.ts';
import { ready } from '#proxy/admin/handlers/ready.ts';
import * as lookups from '#proxy/admin/handlers/recent-lookups.ts';
import { runtime, runtimeModify } from '#proxy/admin/handlers/runtime.ts';
import { serverInfo } from '#proxy/admin/handlers/server-info.ts';
import { stats, statsPrometheus } from '#proxy/admin/handlers/stats.ts';

export const HANDLERS: readonly AdminHandler[] = [
  home(() => HANDLERS),
  profilers.allocProfiler,
  certs,
  clusters,
  configDump,
  contention,
  profilers.cpuProfiler,
  actions.drainListeners,
  explain,
  actions.healthcheckFail,
  actions.healthcheckOk,
  profilers.heapDump,
  profilers.heapProfiler,
  help(() => HANDLERS),
  hotRestartVersion,
  initDump,
  listeners,
  logging,
  memory,
  memoryAllocator,
  profilers.peakHeapDump,
  actions.quitQuitQuit,
  ready,
  actions.reopenLogs,
  actions.resetCounters,
  runtime,
  runtimeModify,
  serverInfo,
  stats,
  statsPrometheus,
  lookups.recentLookups,
  lookups.recentLookupsClear,
  lookups.recentLookupsDisable,
  lookups.recentLookupsEnable,
];
