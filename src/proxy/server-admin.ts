/**
 * What the admin API shows of a running server, and what it changes. Loaded when the admin port opens: it is not on the way of a request.
 */
import type { Message } from '@bufbuild/protobuf';
import { contentOf } from '#api/any.ts';
import { levels, setLogLevel } from '#base/logger.ts';
import { Timers } from '#base/timers.ts';
import { HOT_RESTART_VERSION } from '#base/version.ts';
import type { AdminConfig } from '#config/model/snapshot.ts';
import type { CommonTls } from '#config/model/tls.ts';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';
import type { RouteConfiguration } from '#envoy/config/route/v3/route_pb.js';
import type { HttpConnectionManager } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { type AdminServer, startAdmin } from '#proxy/admin/admin-server.ts';
import type { AdminContext, CertificateContext, ConfigResource, ResourceKind } from '#proxy/admin/context.ts';
import { explainLive } from '#proxy/admin/explain-live.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import { logFileSettings } from '#proxy/observe/access-log/log-files.ts';
import { histogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { RecentLookups } from '#proxy/observe/stats/recent-lookups.ts';
import { TagExtractor } from '#proxy/observe/stats/tag-extraction.ts';
import type { RunningServer } from '#proxy/running-server.ts';
import { nodeExtensions, serverNode, versionText } from '#proxy/server-node.ts';
import { withSecrets } from '#proxy/tls/with-secrets.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { compileString } from '#selection/match-string.ts';
import { RuntimeView } from '#selection/runtime-view.ts';

/** Opens the admin port. */
export function startAdminServer(server: RunningServer, { address, socketOptions }: AdminConfig): Promise<AdminServer> {
  return startAdmin(address, adminContext(server), socketOptions);
}

/** Of the admin API; on this thread, whatever workers there are. */
function accessLogs({ options, loaded, runtime, stats }: RunningServer): AccessLogger[] {
  const view = new RuntimeView(runtime.snapshot);
  runtime.subscribe((snapshot) => view.update(snapshot));
  return compileAccessLogs(loaded.snapshot.admin?.accessLog ?? [], {
    scope: stats.root,
    timers: new Timers(clock),
    runtime: view,
    files: logFileSettings(options),
  });
}

/** The dump of the bootstrap shows the node as the file has it. */
const NO_FLAGS = { serviceNode: '', serviceCluster: '', serviceZone: '' };

function adminContext(server: RunningServer): AdminContext {
  const { options, loaded } = server;
  const { snapshot } = loaded;
  const lookups = new RecentLookups();
  const configured = configuredResources(server);
  const admission = snapshot.admin?.ignoreGlobalConnLimit ? 'free' : 'runtime';
  const allowed = (snapshot.admin?.allowPaths ?? []).map(compileString);
  const extensions = nodeExtensions();
  const node = serverNode(loaded.bootstrap.node, options, extensions);
  const bootstrap = { ...loaded.bootstrap, node: serverNode(loaded.configuredNode, NO_FLAGS, extensions) };
  const context: AdminContext = {
    options,
    version: versionText(),
    hotRestartVersion: HOT_RESTART_VERSION,
    startTime: server.startedAt,
    firstEpochStartTime: server.startedAt,
    state: () => server.shownState,
    hotRestartInitializing: () => false,
    stats: {
      hub: server.hub,
      tags: new TagExtractor({ ...snapshot.stats, commandLine: options.statsTags }),
      buckets: histogramBuckets(snapshot.stats.histogramBuckets),
      lookups,
      root: server.stats.root,
      refresh: async () => {
        server.refresh();
        if (snapshot.statsFlushOnAdmin) await server.flush();
      },
    },
    config: {
      bootstrap: () => ({ message: bootstrap, lastUpdated: server.startedAt }),
      node: () => node,
      resources: (kind) => [...configured[kind], ...fetchedResources(server, kind)],
      versionInfo: (kind) => server.discovery[`${kind}s`]?.versionInfo ?? '',
    },
    clusters: () => server.clusters.status(),
    listeners: () => [...server.listeners.bound()].map(([name, addresses]) => ({ name, addresses })),
    certificates: () => certificates(server),
    runtime: {
      get snapshot() {
        return server.runtime.snapshot;
      },
      modify: (changes) => server.runtime.modify(changes),
    },
    logging: {
      levels: () => levels(),
      set: (component, level) => {
        setLogLevel(component, level);
        server.broadcast({ kind: 'log_level', component, level });
      },
    },
    unreadyTargets: () => server.unready(),
    actions: {
      failHealthcheck: () => {
        server.failHealthchecks(true);
      },
      okHealthcheck: () => {
        server.failHealthchecks(false);
      },
      drainListeners: (how) => server.drainListeners(how),
      reopenLogs: () => server.reopenLogs(),
      // The answer goes out first.
      quit: () => void setImmediate(() => server.quit()),
    },
    profilePath: snapshot.admin?.profilePath ?? '',
    accessLogs: accessLogs(server),
    admit: () => server.connections.takeAdmin(admission),
    leave: () => server.connections.giveAdmin(admission),
    allows: (target) => allowed.length === 0 || allowed.some((matches) => matches(target)),
    explain: (query) => explainLive(context, query, server.listeners.bound()),
  };
  return context;
}

/** Everything that is configured, as messages. */
function configuredResources(server: RunningServer): Record<ResourceKind, ConfigResource[]> {
  const { staticResources } = server.loaded.bootstrap;
  const { clusters = [], listeners = [], secrets = [] } = staticResources ?? {};
  const lastUpdated = server.startedAt;
  const resource = (name: string, message: Message): ConfigResource => ({
    name,
    message,
    lastUpdated,
    state: 'static',
  });
  return {
    cluster: clusters.map((one) => resource(one.name, one)),
    listener: listeners.map((one) => resource(one.name, one)),
    route: [],
    extension: [],
    scoped_route: [],
    secret: secrets.map((one) => ({ name: one.name, message: one, state: 'static' })),
  };
}

/** The route tables that stand in listeners, those of the bootstrap and those that were fetched. */
function inlineTables({ loaded, listeners, discovery, startedAt }: RunningServer): ConfigResource[] {
  const dump = (table: RouteConfiguration, lastUpdated = startedAt): ConfigResource => {
    const hosts = table.vhds === undefined ? [] : discovery.routes.inlineHosts(table.name);
    const message: RouteConfiguration = { ...table, virtualHosts: [...table.virtualHosts, ...hosts] };
    return { name: table.name, message, lastUpdated, state: 'static' };
  };
  const configured = (loaded.bootstrap.staticResources?.listeners ?? []).flatMap(tablesIn);
  const fetched = listeners.resources().filter(({ message }) => message !== undefined);
  return [
    ...configured.map((table) => dump(table)),
    ...fetched.flatMap(({ message, lastUpdated }) =>
      tablesIn(message as Listener).map((table) => dump(table, lastUpdated)),
    ),
  ];
}

function tablesIn({ filterChains, defaultFilterChain }: Listener): RouteConfiguration[] {
  const filters = [...filterChains, ...(defaultFilterChain === undefined ? [] : [defaultFilterChain])].flatMap(
    (chain) => chain.filters,
  );
  return filters.flatMap(({ configType }) => {
    const typed = configType.case === 'typedConfig' ? contentOf(configType.value) : undefined;
    if (typed?.type.name !== 'HttpConnectionManager') return [];
    const { routeSpecifier } = typed.message as HttpConnectionManager;
    return routeSpecifier.case === 'routeConfig' ? [routeSpecifier.value] : [];
  });
}

/** What was fetched. */
function fetchedResources(server: RunningServer, kind: ResourceKind): ConfigResource[] {
  const { clusters, listeners, discovery } = server;
  switch (kind) {
    case 'cluster':
      return [...clusters.resources(), ...(discovery.clusters?.refused() ?? [])];
    case 'listener':
      return listeners.resources();
    case 'route':
      return [...inlineTables(server), ...discovery.routes.resources()];
    case 'extension':
      return discovery.extensions.resources();
    case 'scoped_route':
      return discovery.scopedRoutes.resources();
    case 'secret':
      return discovery.secrets.resources();
    default:
      return [];
  }
}

/** The certificates of every TLS context, listeners' first. */
function certificates(server: RunningServer): CertificateContext[] {
  const { listeners, clusters } = server.snapshot;
  const contexts: CommonTls[] = [];
  for (const { filterChains, defaultFilterChain } of listeners) {
    for (const chain of [...filterChains, defaultFilterChain])
      if (chain?.transport.kind === 'tls') contexts.push(chain.transport.tls);
  }
  for (const { transport } of clusters) if (transport.kind === 'tls') contexts.push(transport.tls);
  return contexts
    .map((context) => withSecrets(context, server.secrets.find) ?? context)
    .map((tls) => ({
      caCertificates: tls.validation?.trustedCa === undefined ? [] : [shown(tls.validation.trustedCa)],
      chains: tls.certificates.map(({ chain }) => shown(chain)),
    }));
}

function shown({ path, pem }: { path: string; pem: string }): { path: string; pem: string } {
  return { path: path === '' ? '<inline>' : path, pem };
}
