/**
 * The stats of the server itself, `server.*`: set from what the process is, each time somebody is about to read them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/statistics#server
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';

export type ServerState = 'LIVE' | 'DRAINING' | 'PRE_INITIALIZING' | 'INITIALIZING';

/** As admin.v3.ServerInfo.State numbers them. */
const STATES: ServerState[] = ['LIVE', 'DRAINING', 'PRE_INITIALIZING', 'INITIALIZING'];

/** Envoy's way to say that no certificate expires. */
const NEVER = 4_294_967_295;

/** What only the server can tell of itself. */
export interface ServerFacts {
  readonly concurrency: number;
  readonly restartEpoch: number;
  /** stats_server_version_override, or a number for our version. */
  readonly version: number;
  state(): ServerState;
  /** Accepts traffic: not draining, and not failing health checks by an operator's word. */
  live(): boolean;
  uptimeSeconds(): number;
  /** Downstream connections of this process, and of the one that it takes over from. */
  connections(): number;
  parentConnections(): number;
  /** Undefined when there are no certificates. */
  daysUntilFirstCertExpires(): number | undefined;
  recentLookups(): number;
}

export type ServerStats = ReturnType<typeof serverStats>;

/** @param root the root of the main thread's stats. @param hotRestarts whether generations of the process are told apart */
export function serverStats(root: Scope, hotRestarts: boolean) {
  const scope = root.scope('server');
  return {
    live: scope.gauge('live'),
    state: scope.gauge('state'),
    uptime: scope.gauge('uptime'),
    concurrency: scope.gauge('concurrency'),
    version: scope.gauge('version'),
    hotRestartEpoch: scope.gauge('hot_restart_epoch'),
    hotRestartGeneration: hotRestarts ? scope.gauge('hot_restart_generation') : undefined,
    totalConnections: scope.gauge('total_connections'),
    parentConnections: scope.gauge('parent_connections'),
    memoryAllocated: scope.gauge('memory_allocated'),
    memoryHeapSize: scope.gauge('memory_heap_size'),
    memoryPhysicalSize: scope.gauge('memory_physical_size'),
    daysUntilFirstCertExpiring: scope.gauge('days_until_first_cert_expiring'),
    secondsUntilFirstOcspResponseExpiring: scope.gauge('seconds_until_first_ocsp_response_expiring'),
    statsRecentLookups: scope.gauge('stats_recent_lookups'),
    fipsMode: scope.gauge('compilation_settings.fips_mode'),
    /** Recorded once, when the first worker accepts. */
    initializationTimeMs: scope.histogram('initialization_time_ms', 'Milliseconds'),
    /** Fields of the bootstrap, or of discovery, that were unknown and let pass. */
    staticUnknownFields: scope.counter('static_unknown_fields'),
    dynamicUnknownFields: scope.counter('dynamic_unknown_fields'),
    wipProtos: scope.counter('wip_protos'),
    debugAssertionFailures: scope.counter('debug_assertion_failures'),
    /** Errors in our own code that a request or an update met. */
    envoyBugFailures: scope.counter('envoy_bug_failures'),
    envoyNotifications: scope.counter('envoy_notifications'),
    droppedStatFlushes: scope.counter('dropped_stat_flushes'),
  };
}

/** Brings the gauges up to date. Call before a flush and before the admin API shows stats. */
export function refreshServerStats(stats: ServerStats, facts: ServerFacts): void {
  const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
  stats.live.set(facts.live() ? 1 : 0);
  stats.state.set(STATES.indexOf(facts.state()));
  stats.uptime.set(Math.floor(facts.uptimeSeconds()));
  stats.concurrency.set(facts.concurrency);
  stats.version.set(facts.version);
  stats.hotRestartEpoch.set(facts.restartEpoch);
  stats.hotRestartGeneration?.set(facts.restartEpoch + 1);
  stats.totalConnections.set(facts.connections());
  stats.parentConnections.set(facts.parentConnections());
  stats.memoryAllocated.set(heapUsed + external);
  stats.memoryHeapSize.set(heapTotal + external);
  stats.memoryPhysicalSize.set(rss);
  stats.daysUntilFirstCertExpiring.set(facts.daysUntilFirstCertExpires() ?? NEVER);
  stats.secondsUntilFirstOcspResponseExpiring.set(0);
  stats.statsRecentLookups.set(facts.recentLookups());
  stats.fipsMode.set(0);
}
