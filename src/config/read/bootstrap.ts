/**
 * The whole bootstrap, as a snapshot. Follows envoy.config.bootstrap.v3.Bootstrap.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { DynamicResources, Snapshot } from '#config/model/snapshot.ts';
import { readAdmin } from '#config/read/admin.ts';
import { readApplicationLog } from '#config/read/application-log.ts';
import { readBootstrapExtensions } from '#config/read/bootstrap-extensions.ts';
import { readCluster } from '#config/read/cluster.ts';
import { readClusterManager } from '#config/read/cluster-manager.ts';
import { isDelta, readAdsConfig, readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readBootstrapResolver } from '#config/read/dns.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readLayeredRuntime } from '#config/read/layered-runtime.ts';
import { readListeners } from '#config/read/listeners.ts';
import { readNode } from '#config/read/node.ts';
import { readOverload } from '#config/read/overload.ts';
import { readAll } from '#config/read/read-all.ts';
import { readStaticSecrets } from '#config/read/static-secrets.ts';
import { NO_STATS_CONFIG, readStatsConfig } from '#config/read/stats-config.ts';
import { honours } from '#config/read/support.ts';
import { readWatchdogs } from '#config/read/watchdogs.ts';
import type {
  Bootstrap,
  Bootstrap_DynamicResources,
  Bootstrap_StaticResources,
} from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { ConfigSource } from '#envoy/config/core/v3/config_source_pb.js';

const BOOTSTRAP = 'envoy.config.bootstrap.v3.Bootstrap';
const OWN_SOURCE = 'write ads_config, or a source where something is fetched';
const XDSTP = 'collections are not named by xdstp here; write lds_config and cds_config';

const check = honours(
  BOOTSTRAP,
  [
    'node',
    'static_resources',
    'bootstrap_extensions',
    'dynamic_resources',
    'cluster_manager',
    'stats_config',
    'stats_flush_interval',
    'stats_flush_on_admin',
    'application_log_config',
    'layered_runtime',
    'admin',
    'overload_manager',
    'stats_server_version_override',
    'use_tcp_for_dns_lookups',
    'dns_resolution_config',
    'typed_dns_resolver_config',
    'default_regex_engine',
    'watchdog',
    'watchdogs',
  ],
  {
    withoutEffect: {
      node_context_params: 'they are for names by xdstp',
      deferred_stat_options: 'stats are made as they are needed',
      enable_dispatcher_stats: 'there are no dispatchers to count',
      inline_headers: 'every header is found as fast',
      perf_tracing_file_path: 'POST /cpuprofiler writes a profile',
      grpc_async_client_manager_config: 'gRPC clients are made when they are needed',
      memory_allocator_manager: 'memory is given back by V8',
      enable_worker_cpu_affinity: 'the system places threads',
    },
    refused: {
      hds_config: 'health is not checked for others',
      flags_path: 'flags stand in the runtime',
      stats_sinks: 'stats sinks come later',
      stats_eviction_interval: 'stats are kept',
      tracing: 'tracing comes later',
      header_prefix: 'headers begin with x-envoy-',
      fatal_actions: 'none runs here',
      config_sources: OWN_SOURCE,
      default_config_source: OWN_SOURCE,
      default_socket_interface: "sockets are Node's",
      certificate_provider_instances: 'none runs here',
      xds_delegate_extension: 'none runs here',
      xds_config_tracker_extension: 'none runs here',
      listener_manager: 'there is one kind',
    },
  },
);
const checkStatic = honours(`${BOOTSTRAP}.StaticResources`, ['listeners', 'clusters', 'secrets']);
const checkDynamic = honours(`${BOOTSTRAP}.DynamicResources`, ['lds_config', 'cds_config', 'ads_config'], {
  refused: { lds_resources_locator: XDSTP, cds_resources_locator: XDSTP },
});
const GOOGLE_RE2 = 'envoy.extensions.regex_engines.v3.GoogleRE2';
honours(GOOGLE_RE2, []);

const DEFAULT_FLUSH_INTERVAL = 5000;

/** @param inside as {@link bootstrapContext} makes it. */
export function readBootstrap(message: Bootstrap, at: Place, inside: ReadContext): Snapshot {
  check(message, at);
  at.attempt(() => readRegexEngine(message, at.field('default_regex_engine'), inside));
  const resources = message.staticResources;
  const place = at.field('static_resources');
  if (resources !== undefined) checkStatic(resources, place);
  const clusterManager = readClusterManager(
    message.clusterManager,
    at.field('cluster_manager'),
    inside.clusterNames ?? new Set(),
    inside,
  );
  const clusters = readClusters(resources, place.field('clusters'), inside, clusterManager.bind);
  return {
    node: readNode(message.node, at.field('node')),
    ...optional(
      'admin',
      at.attempt(() => readAdmin(message.admin, at.field('admin'), inside)),
    ),
    listeners: readListeners(resources?.listeners ?? [], place.field('listeners'), inside),
    clusters,
    dynamic: readDynamicResources(message.dynamicResources, at.field('dynamic_resources'), inside),
    runtime: readLayeredRuntime(message.layeredRuntime, at.field('layered_runtime'), inside),
    stats: readStats(message, at),
    ...readFlush(message, at),
    clusterManager,
    overload: readOverload(message.overloadManager, at.field('overload_manager'), inside),
    watchdogs: readWatchdogs(message, at, inside),
    ...optional(
      'logFormat',
      at.attempt(() => readApplicationLog(message.applicationLogConfig, at.field('application_log_config'))),
    ),
    ...optional('statsServerVersionOverride', number(message.statsServerVersionOverride)),
  };
}

function adsVariant({ dynamicResources }: Bootstrap): ReadContext['ads'] {
  const ads = dynamicResources?.adsConfig;
  if (ads === undefined) return undefined;
  return isDelta(ads) ? 'DELTA_GRPC' : 'GRPC';
}

/** What the bootstrap's parts, and what is fetched later, need to know of it. */
export function bootstrapContext(message: Bootstrap, at: Place, context: ReadContext): ReadContext {
  const { clusters = [], secrets = [] } = message.staticResources ?? {};
  return {
    ...context,
    clusterNames: new Set(clusters.map(({ name }) => name)),
    primaryClusters: new Set(clusters.filter(isPrimary).map(({ name }) => name)),
    internalListeners: readBootstrapExtensions(message.bootstrapExtensions, at.field('bootstrap_extensions'), context),
    ...optional('ads', adsVariant(message)),
    secrets: readStaticSecrets(secrets, at.field('static_resources').field('secrets')),
    ...optional(
      'dnsResolver',
      at.attempt(() => readBootstrapResolver(message, at, context)),
    ),
  };
}

/** Its hosts are found without a management server. */
function isPrimary({ clusterDiscoveryType: type, edsClusterConfig }: Cluster): boolean {
  if (type.case !== 'type' || type.value !== EDS) return true;
  return edsClusterConfig?.edsConfig?.configSourceSpecifier.case?.startsWith('path') ?? false;
}

/** By number of Cluster.DiscoveryType. */
const EDS = 3;

function readClusters(
  resources: Bootstrap_StaticResources | undefined,
  at: Place,
  context: ReadContext,
  bind: ClusterConfig['bind'],
): ClusterConfig[] {
  const names = new Set<string>();
  return readAll(resources?.clusters ?? [], at, (message: Cluster, place) => {
    if (names.has(message.name)) {
      place.field('name').report(`cluster manager: duplicate cluster '${message.name}'`);
    }
    names.add(message.name);
    const cluster = readCluster(message, place, context);
    return cluster.bind === undefined && bind !== undefined ? { ...cluster, bind } : cluster;
  });
}

function readDynamicResources(
  message: Bootstrap_DynamicResources | undefined,
  at: Place,
  context: ReadContext,
): DynamicResources {
  if (message === undefined) return {};
  checkDynamic(message, at);
  const { adsConfig: ads, cdsConfig: cds, ldsConfig: lds } = message;
  const source = (name: 'cds' | 'lds', config: ConfigSource | undefined) => {
    const place = at.field(`${name}_config`);
    return optional(
      name,
      place.attempt(() => config && readConfigSource(config, place, context)),
    );
  };
  const adsPlace = at.field('ads_config');
  return {
    ...optional(
      'ads',
      adsPlace.attempt(() => ads && readAdsConfig(ads, adsPlace, context)),
    ),
    ...source('cds', cds),
    ...source('lds', lds),
  };
}

function readRegexEngine({ defaultRegexEngine }: Bootstrap, at: Place, context: ReadContext): void {
  if (defaultRegexEngine === undefined) return;
  const { name, typedConfig } = defaultRegexEngine;
  const place = at.field('typed_config');
  const { typeName } = extensionMessage(typedConfig, name, place, context);
  if (typeName !== GOOGLE_RE2) throw unsupportedExtension(name, typeName, 'regex_engine', place);
}

function readStats(message: Bootstrap, at: Place): Snapshot['stats'] {
  const place = at.field('stats_config');
  return place.attempt(() => readStatsConfig(message.statsConfig, place)) ?? NO_STATS_CONFIG;
}

function readFlush(message: Bootstrap, at: Place): Pick<Snapshot, 'statsFlushInterval' | 'statsFlushOnAdmin'> {
  const { statsFlush, statsFlushInterval } = message;
  const statsFlushOnAdmin = statsFlush.case === 'statsFlushOnAdmin' && statsFlush.value;
  if (statsFlush.case !== undefined && statsFlushInterval !== undefined) {
    at.field('stats_flush_on_admin').report('Only one of stats_flush_interval or stats_flush_on_admin should be set!');
  }
  return { statsFlushInterval: millisecondsOr(statsFlushInterval, DEFAULT_FLUSH_INTERVAL), statsFlushOnAdmin };
}

function number(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** The field, unless it is undefined: the snapshot has no fields that are set to nothing. */
function optional<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  return (value === undefined ? {} : { [name]: value }) as { [key in K]?: V };
}
