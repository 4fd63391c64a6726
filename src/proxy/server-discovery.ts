/**
 * Everything that the server fetches while it runs, put together: clusters, listeners, and what these name.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/dynamic_configuration
 */
import { systemRandom } from '#base/random.ts';
import { systemSchedule } from '#base/timers.ts';
import type { LoadedBootstrap } from '#config/load.ts';
import type { UnknownFields } from '#config/load-resource.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterChain, FilterUse, ListenerConfig } from '#config/model/listener.ts';
import type { DownstreamTransport, UpstreamTransport } from '#config/model/tls.ts';
import { isWatched } from '#config/read/watched-secret.ts';
import type { Node } from '#envoy/config/core/v3/base_pb.js';
import type { AskedQuestion } from '#proxy/http/route-demands.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { ProxyOptions } from '#proxy/options.ts';
import type { Runtime } from '#proxy/runtime.ts';
import type { SecretStore } from '#proxy/secret-store.ts';
import type { ServerClusters } from '#proxy/server-clusters.ts';
import type { ServerListeners } from '#proxy/server-listeners.ts';
import { nodeExtensions, serverNode } from '#proxy/server-node.ts';
import { secretKeys } from '#proxy/tls/with-secrets.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import { ClusterDemands } from '#proxy/xds/cluster-demands.ts';
import { ClusterDiscovery } from '#proxy/xds/cluster-discovery.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import { EndpointDiscovery } from '#proxy/xds/endpoint-discovery.ts';
import { ExtensionDiscovery } from '#proxy/xds/extension-discovery.ts';
import type { FedRoutes } from '#proxy/xds/inline-table.ts';
import { ListenerDiscovery } from '#proxy/xds/listener-discovery.ts';
import { LoadReporter, type LoadSource } from '#proxy/xds/load-reporter.ts';
import { RouteDiscovery } from '#proxy/xds/route-discovery.ts';
import { RuntimeDiscovery } from '#proxy/xds/runtime-discovery.ts';
import { ScopedRouteDiscovery } from '#proxy/xds/scoped-route-discovery.ts';
import { SecretDiscovery } from '#proxy/xds/secret-discovery.ts';
import { Subscriptions } from '#proxy/xds/subscriptions.ts';

export interface ServerDiscoveryParts {
  options: ProxyOptions;
  loaded: LoadedBootstrap;
  root: Scope;
  secrets: SecretStore;
  /** Tells all workers. */
  tell: (message: ToWorker) => void;
  /** The names of the clusters that are there. */
  clusterNames: () => ReadonlySet<string>;
  /** A cluster to send requests of this thread through. */
  cluster(name: string): Cluster | undefined;
}

const HTTP = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

export class ServerDiscovery {
  readonly routes: RouteDiscovery;
  readonly endpoints: EndpointDiscovery;
  readonly scopedRoutes: ScopedRouteDiscovery;
  readonly extensions: ExtensionDiscovery;
  readonly secrets: SecretDiscovery;
  clusters: ClusterDiscovery | undefined = undefined;
  listeners: ListenerDiscovery | undefined = undefined;
  private readonly parts: ServerDiscoveryParts;
  private readonly context: DiscoveryContext;
  private readonly subscriptions: Subscriptions;
  private clusterDemands: ClusterDemands | undefined = undefined;
  private loadReporter: LoadReporter | undefined = undefined;
  private knownNode: Node | undefined = undefined;

  constructor(parts: ServerDiscoveryParts) {
    this.parts = parts;
    const { options, loaded, root, clusterNames } = parts;
    const unknownFields = unknownFieldsOf(options);
    this.subscriptions = new Subscriptions({
      unknownFields,
      root,
      ads: loaded.snapshot.dynamic.ads,
      schedule: systemSchedule,
      random: systemRandom,
      clock,
      node: () => this.node(),
      cluster: parts.cluster,
    });
    this.context = {
      root,
      unknownFields,
      readContext: () => ({
        ...loaded.context,
        lenient: unknownFields !== 'reject',
        clusterNames: clusterNames(),
        watchedSecrets: [],
      }),
      subscribe: (request) => this.subscriptions.subscribe(request),
      watchSecrets: (secrets) => {
        for (const secret of secrets) parts.secrets.watch(secret);
      },
    };
    this.routes = new RouteDiscovery(this.context, parts.tell);
    this.endpoints = new EndpointDiscovery(this.context);
    const { routes } = this;
    this.scopedRoutes = new ScopedRouteDiscovery({ context: this.context, routes, tell: parts.tell });
    this.extensions = new ExtensionDiscovery(this.context, parts.tell);
    this.secrets = new SecretDiscovery(this.context, parts.secrets);
  }

  /** Whether the server starts with anything that it has to fetch. */
  get needed(): boolean {
    const { dynamic, runtime } = this.parts.loaded.snapshot;
    return (
      dynamic.ads !== undefined ||
      dynamic.cds !== undefined ||
      dynamic.lds !== undefined ||
      runtime.some(({ kind }) => kind === 'rtds')
    );
  }

  /** Who this proxy says it is to management servers. */
  private node(): Node {
    const { loaded, options } = this.parts;
    this.knownNode ??= serverNode(loaded.bootstrap.node, options, nodeExtensions());
    return this.knownNode;
  }

  /** Opens the stream of ADS: the clusters that it may need are there. */
  start(): void {
    this.subscriptions.start();
  }

  stop(): void {
    this.subscriptions.stop();
    this.loadReporter?.stop();
    this.clusterDemands?.stop();
  }

  /** Tells the bootstrap's load_stats_config of what clusters did. */
  startLoadReports(source: LoadSource): void {
    const { loaded, root, cluster } = this.parts;
    const { loadStats: service } = loaded.snapshot.clusterManager;
    if (service === undefined) return;
    this.loadReporter = new LoadReporter({
      service,
      source,
      node: () => this.node(),
      cluster,
      scope: root.scope('load_reporter'),
      schedule: systemSchedule,
      now: () => performance.now(),
    });
    this.loadReporter.start();
  }

  /** Fetches layers of the runtime. */
  startRuntime(runtime: Runtime, init: InitManager): void {
    for (const layer of this.parts.loaded.snapshot.runtime) {
      if (layer.kind !== 'rtds') continue;
      new RuntimeDiscovery(layer, runtime, this.context).start(init.add(`RTDS ${layer.resourceName}`));
    }
  }

  startClusters(clusters: ServerClusters, init: InitManager): void {
    const { dynamic, clusterManager } = this.parts.loaded.snapshot;
    const { bind } = clusterManager;
    this.clusterDemands = new ClusterDemands({ clusters, context: this.context, bind, tell: this.parts.tell });
    if (dynamic.cds === undefined) return;
    this.clusters = new ClusterDiscovery({ source: dynamic.cds, clusters, context: this.context, bind });
    this.clusters.start(init.add('CDS'));
  }

  startListeners(listeners: ServerListeners, init: InitManager): void {
    const { lds } = this.parts.loaded.snapshot.dynamic;
    if (lds === undefined) return;
    const ready = (name: string) => init.add(`Listener-init-target ${name}`);
    this.listeners = new ListenerDiscovery({ source: lds, listeners, context: this.context, ready });
    this.listeners.start(init.add('LDS'));
  }

  /** Fetches what a listener names. @returns how to let go of it */
  need(listener: ListenerConfig, init: InitManager): () => void {
    const held = managersOf(listener).map(({ routes, statPrefix }) => {
      if (routes.kind === 'rds') return this.routes.hold(routes, statPrefix, init);
      if (routes.kind === 'scoped') return this.scopedRoutes.hold(routes.scoped, statPrefix, init);
      return routes.key === undefined ? () => {} : this.routes.holdInline(routes as FedRoutes, init);
    });
    for (const { name, discovered } of filtersOf(listener)) {
      if (discovered !== undefined) held.push(this.extensions.hold(name, discovered, init));
    }
    held.push(
      ...this.holdSecrets(
        chainsOf(listener).map(({ transport }) => transport),
        init,
      ),
    );
    return () => {
      for (const release of held) release();
    };
  }

  /** A request has no route, or no cluster: is there one to fetch? Workers are told when it is known. */
  answer({ kind, key, name, source }: AskedQuestion): void {
    if (kind === 'virtual_host') this.routes.demand(key, name);
    else if (kind === 'scope') this.scopedRoutes.demand(key, name);
    else if (source !== undefined) this.clusterDemands?.demand(source, name);
  }

  /** The same for a cluster. */
  needOfCluster({ transport, transportSocketMatches }: ClusterConfig, init: InitManager): () => void {
    const held = this.holdSecrets([transport, ...transportSocketMatches.map((match) => match.transport)], init);
    return () => {
      for (const release of held) release();
    };
  }

  private holdSecrets(transports: (DownstreamTransport | UpstreamTransport)[], init: InitManager): (() => void)[] {
    const contexts = transports.flatMap((transport) => (transport.kind === 'tls' ? transport.tls : []));
    const held = contexts.flatMap(({ fetched = [] }) => fetched.map((secret) => this.secrets.hold(secret, init)));
    // Those that stand in the resource itself go with it.
    const own = contexts.flatMap(secretKeys).filter(isWatched);
    return [
      ...held,
      () => {
        for (const key of own) this.parts.secrets.remove(key);
      },
    ];
  }

  /** The listener with the route tables that it has now. */
  filledIn(listener: ListenerConfig): ListenerConfig {
    const fill = (chain: FilterChain): FilterChain => ({
      ...chain,
      filters: chain.filters.map((filter) => {
        if (!filter.typeUrl.endsWith(HTTP)) return filter;
        const config = filter.config as HttpConnectionManager;
        const { routes } = config;
        const table = routes.kind === 'scoped' || routes.key === undefined ? undefined : this.routes.table(routes.key);
        return table === undefined ? filter : { ...filter, config: { ...config, routes: { kind: 'inline', table } } };
      }),
    });
    const { filterChains, defaultFilterChain } = listener;
    return {
      ...listener,
      filterChains: filterChains.map(fill),
      ...(defaultFilterChain === undefined ? {} : { defaultFilterChain: fill(defaultFilterChain) }),
    };
  }
}

function chainsOf({ filterChains, defaultFilterChain }: ListenerConfig): FilterChain[] {
  return defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
}

/** Every filter of whatever kind. */
function filtersOf(listener: ListenerConfig): FilterUse[] {
  const ofChains = chainsOf(listener).flatMap(({ filters }) => filters);
  const ofHttp = managersOf(listener).flatMap(({ httpFilters, upgradeConfigs }) => [
    ...httpFilters,
    ...upgradeConfigs.flatMap(({ filters = [] }) => filters),
  ]);
  return [...listener.listenerFilters, ...ofChains, ...ofHttp];
}

function managersOf(listener: ListenerConfig): HttpConnectionManager[] {
  return chainsOf(listener)
    .flatMap(({ filters }) => filters)
    .filter(({ typeUrl }) => typeUrl.endsWith(HTTP))
    .map(({ config }) => config as HttpConnectionManager);
}

function unknownFieldsOf({ rejectUnknownDynamicFields, ignoreUnknownDynamicFields }: ProxyOptions): UnknownFields {
  if (rejectUnknownDynamicFields) return 'reject';
  return ignoreUnknownDynamicFields ? 'ignore' : 'warn';
}
