/**
 * Where configuration that is fetched comes from: files, or management servers behind clusters of the bootstrap.
 * Follows envoy.config.core.v3.ConfigSource and https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api
 */
import type { Place } from '#api/place.ts';
import type { ApiConfigSource, ConfigSource } from '#config/model/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { readGrpcService } from '#config/read/grpc-service.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  ApiConfigSource as ApiMessage,
  ConfigSource as Message,
  PathConfigSource,
  RateLimitSettings,
} from '#envoy/config/core/v3/config_source_pb.js';

const CORE = 'envoy.config.core.v3';
const check = honours(
  `${CORE}.ConfigSource`,
  ['path', 'path_config_source', 'api_config_source', 'ads', 'self', 'initial_fetch_timeout', 'resource_api_version'],
  { refused: { authorities: 'resources are named without xdstp' } },
);
const checkPath = honours(`${CORE}.PathConfigSource`, ['path', 'watched_directory'], {
  refused: { poll_interval: 'files are watched' },
});
const checkApi = honours(
  `${CORE}.ApiConfigSource`,
  [
    'api_type',
    'transport_api_version',
    'cluster_names',
    'grpc_services',
    'refresh_delay',
    'request_timeout',
    'rate_limit_settings',
    'set_node_on_first_message_only',
  ],
  { refused: { config_validators: 'no such extension runs here' } },
);
const checkAds = honours(`${CORE}.AggregatedConfigSource`, []);
const checkSelf = honours(`${CORE}.SelfConfigSource`, ['transport_api_version']);
const checkRateLimit = honours(`${CORE}.RateLimitSettings`, ['max_tokens', 'fill_rate']);

const DEFAULT_FETCH_TIMEOUT = 15_000;
const DEFAULT_REQUEST_TIMEOUT = 1000;
const DEFAULT_TOKENS = 100;
const DEFAULT_FILL_RATE = 10;
const SHORTEST_DELAY = 1;
/** The number of transport_api_version: V3. */
export const V3 = 2;
/** By number of ApiConfigSource.ApiType. */
const API_TYPES: readonly (ApiConfigSource['apiType'] | undefined)[] = [
  undefined,
  'REST',
  'GRPC',
  'DELTA_GRPC',
  undefined,
  'AGGREGATED_GRPC',
  'AGGREGATED_DELTA_GRPC',
];

export function isDelta({ apiType }: ApiMessage): boolean {
  return API_TYPES[apiType] === 'DELTA_GRPC';
}

/** @throws PlacedError for a source that nothing can be fetched from. */
export function readConfigSource(message: Message, at: Place, context: ReadContext): ConfigSource {
  check(message, at);
  const initialFetchTimeout = millisecondsOr(message.initialFetchTimeout, DEFAULT_FETCH_TIMEOUT);
  return { from: readFrom(message, at, context), initialFetchTimeout };
}

function readFrom(
  { configSourceSpecifier: specifier }: Message,
  at: Place,
  context: ReadContext,
): ConfigSource['from'] {
  switch (specifier.case) {
    case 'path':
      return readPath({ path: specifier.value }, at.field('path'), context);
    case 'pathConfigSource': {
      const place = at.field('path_config_source');
      checkPath(specifier.value, place);
      return readPath(specifier.value, place.field('path'), context);
    }
    case 'ads':
      checkAds(specifier.value, at.field('ads'));
      if (context.ads === undefined)
        throw at.field('ads').problem('ADS is not configured: the bootstrap has no ads_config');
      return { kind: 'ads' };
    case 'self':
      checkSelf(specifier.value, at.field('self'));
      if (context.self === undefined) throw at.field('self').problem('self is for resources that are fetched');
      return context.self.from;
    case 'apiConfigSource': {
      const place = at.field('api_config_source');
      const api = readApiConfigSource(specifier.value, place, context);
      if (api.apiType.startsWith('AGGREGATED')) {
        throw place.field('api_type').problem(`Unsupported config source ${api.apiType}`);
      }
      return { kind: 'api', ...api };
    }
    default:
      throw at.problem('Missing config source specifier in envoy.config.core.v3.ConfigSource');
  }
}

function readPath(
  { path, watchedDirectory }: Pick<PathConfigSource, 'path' | 'watchedDirectory'>,
  at: Place,
  context: ReadContext,
): ConfigSource['from'] {
  try {
    context.files(path);
  } catch {
    throw at.problem(`paths must refer to an existing path in the system: '${path}' does not exist`);
  }
  return { kind: 'path', path, watchedDirectory: watchedDirectory?.path ?? '' };
}

/** @throws PlacedError for one that nobody can be asked by */
export function readApiConfigSource(message: ApiMessage, at: Place, context: ReadContext): ApiConfigSource {
  checkApi(message, at);
  const apiType = API_TYPES[message.apiType];
  if (apiType === undefined) {
    throw at.field('api_type').problem('REST_LEGACY no longer a supported ApiConfigSource');
  }
  if (message.transportApiVersion !== V3) {
    throw at
      .field('transport_api_version')
      .problem('V2 (and AUTO) xDS transport protocol versions are deprecated; set transport_api_version: V3');
  }
  const rest = apiType === 'REST';
  checkTargets(message, rest, at);
  for (const [i, name] of message.clusterNames.entries()) {
    checkPrimaryCluster(name, at.field('cluster_names').index(i), context);
  }
  if (rest && message.refreshDelay === undefined) {
    throw at.field('refresh_delay').problem('refresh_delay is required for REST API configuration sources');
  }
  return {
    apiType,
    clusterNames: message.clusterNames,
    grpcServices: readAll(message.grpcServices, at.field('grpc_services'), (service, place) => {
      const read = readGrpcService(service, place);
      checkPrimaryCluster(read.clusterName, place, context);
      return read;
    }),
    refreshDelay: Math.max(SHORTEST_DELAY, millisecondsOr(message.refreshDelay, 0)),
    requestTimeout: millisecondsOr(message.requestTimeout, DEFAULT_REQUEST_TIMEOUT),
    ...readRateLimit(message.rateLimitSettings, at.field('rate_limit_settings')),
    setNodeOnFirstMessageOnly: message.setNodeOnFirstMessageOnly,
  };
}

/** The bootstrap's ads_config. */
export function readAdsConfig(message: ApiMessage, at: Place, context: ReadContext): ApiConfigSource {
  const read = readApiConfigSource(message, at, context);
  if (read.apiType !== 'GRPC' && read.apiType !== 'DELTA_GRPC') {
    throw at.field('api_type').problem(`Unsupported ads config type ${read.apiType}; ADS is GRPC or DELTA_GRPC`);
  }
  return read;
}

function checkTargets({ clusterNames, grpcServices }: ApiMessage, rest: boolean, at: Place): void {
  if (clusterNames.length === 0 && grpcServices.length === 0) {
    throw at.problem('API configs must have either a gRPC service or a cluster name defined');
  }
  if (rest && grpcServices.length > 0) {
    throw at.field('grpc_services').problem('REST must not have a gRPC service specified');
  }
  if (rest && clusterNames.length > 1)
    throw at.field('cluster_names').problem('REST must have a singleton cluster name');
  if (!rest && clusterNames.length > 0) {
    throw at.field('cluster_names').problem('GRPC must not have a cluster name specified');
  }
  if (!rest && grpcServices.length > 2) {
    throw at.field('grpc_services').problem('GRPC must have at most two gRPC services specified');
  }
}

/** Who brings clusters may not be one that was brought. */
function checkPrimaryCluster(name: string, at: Place, { primaryClusters }: ReadContext): void {
  if (primaryClusters === undefined || primaryClusters.has(name)) return;
  throw at.problem(
    `envoy.config.core.v3.ApiConfigSource must have a statically defined non-EDS cluster: '${name}' does not exist, was added via api, or is an EDS cluster`,
  );
}

function readRateLimit(message: RateLimitSettings | undefined, at: Place): Pick<ApiConfigSource, 'rateLimit'> {
  if (message === undefined) return {};
  checkRateLimit(message, at);
  return {
    rateLimit: { maxTokens: message.maxTokens ?? DEFAULT_TOKENS, fillRate: message.fillRate ?? DEFAULT_FILL_RATE },
  };
}
