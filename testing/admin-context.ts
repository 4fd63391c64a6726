/**
 * A server as the admin API sees it, made of plain values: a test changes what it needs to.
 */

import { loadMessage } from '#api/decode.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';
import { parseProxyOptions } from '#cli/proxy-options.ts';
import type { Bootstrap } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { AdminContext, ConfigResource, ResourceKind } from '#proxy/admin/context.ts';
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import { histogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { RecentLookups } from '#proxy/observe/stats/recent-lookups.ts';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { TagExtractor } from '#proxy/observe/stats/tag-extraction.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import type { LogLevel } from '#proxy/options.ts';
import { NO_RUNTIME } from '#selection/runtime-view.ts';

export interface FakeServer extends AdminContext {
  /** What was asked of it, in order. */
  readonly did: string[];
  readonly levels: Map<string, LogLevel>;
  readonly thread: ThreadStats;
}

/** @param bootstrap YAML. */
export function adminContext(bootstrap = '{}', changes: Partial<AdminContext> = {}): FakeServer {
  const parsed = parseProxyOptions(['-c', 'front.yaml', '--concurrency', '2']);
  if (parsed.kind !== 'run') throw new Error('these flags run a proxy');
  const did: string[] = [];
  const levels = new Map(LOG_COMPONENTS.map((component): [string, LogLevel] => [component, 'info']));
  const thread = new ThreadStats();
  const hub = new StatsHub();
  hub.attach(0, thread);
  const lookups = new RecentLookups();
  thread.onLookup = lookups.note;
  const problems = new Problems();
  const type = messageType('envoy.config.bootstrap.v3.Bootstrap');
  const loaded = loadMessage<Bootstrap>(type, sourceOf(bootstrap, 'bootstrap'), problems);
  problems.throwIfAny();
  const { message } = loaded;
  const { clusters = [], listeners = [], secrets = [] } = message.staticResources ?? {};
  const lastUpdated = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  const resources: Record<ResourceKind, ConfigResource[]> = {
    cluster: clusters.map((one) => ({ name: one.name, message: one, lastUpdated, state: 'static' })),
    listener: listeners.map((one) => ({ name: one.name, message: one, lastUpdated, state: 'static' })),
    secret: secrets.map((one) => ({ name: one.name, message: one, state: 'static' })),
    route: [],
    scoped_route: [],
    extension: [],
  };
  return {
    did,
    levels,
    thread,
    options: parsed.options,
    version: 'v/1.40.0/Clean/RELEASE/OpenSSL',
    hotRestartVersion: 'fairlead.1',
    startTime: Date.now() - 61_000,
    firstEpochStartTime: Date.now() - 3_600_000,
    state: () => 'LIVE',
    hotRestartInitializing: () => false,
    admit: () => true,
    leave: () => {},
    stats: {
      hub,
      lookups,
      tags: new TagExtractor({ tags: [], useAllDefaultTags: true }),
      buckets: histogramBuckets([]),
      root: thread.root,
      refresh: async () => hub.startInterval(),
    },
    config: {
      bootstrap: () => ({ message, lastUpdated }),
      node: () => message.node,
      resources: (kind) => resources[kind],
      versionInfo: () => '',
    },
    clusters: () => [],
    listeners: () => [],
    certificates: () => [],
    runtime: { snapshot: NO_RUNTIME, modify: () => 'No admin layer specified' },
    logging: {
      levels: () => levels,
      set: (component, level) => {
        for (const name of component === undefined ? LOG_COMPONENTS : [component]) levels.set(name, level);
      },
    },
    unreadyTargets: () => [],
    actions: {
      failHealthcheck: () => void did.push('fail'),
      okHealthcheck: () => void did.push('ok'),
      drainListeners: (how) => void did.push(`drain ${JSON.stringify(how)}`),
      reopenLogs: () => void did.push('reopen'),
      quit: () => void did.push('quit'),
    },
    profilePath: '/nowhere/profile',
    accessLogs: [],
    allows: () => true,
    explain: async (query) => ({ text: `${query.method} ${query.url}\n`, json: query }),
    ...changes,
  };
}
