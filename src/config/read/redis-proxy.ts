/**
 * The Redis proxy: which cluster a key belongs to, and how its hosts are spoken with.
 * Follows envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.
 */
import type { Place } from '#api/place.ts';
import type {
  RedisFault,
  RedisProxyConfig,
  RedisReadPolicy,
  RedisRoute,
  RedisSettings,
} from '#config/model/redis-proxy.ts';
import type { ReadContext } from '#config/read/context.ts';
import { milliseconds, millisecondsOr } from '#config/read/duration.ts';
import { readRuntimeFraction } from '#config/read/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { readSecret } from '#config/read/redis-options.ts';
import { honours } from '#config/read/support.ts';
import type {
  RedisProxy,
  RedisProxy_ConnPoolSettings,
  RedisProxy_PrefixRoutes_Route,
  RedisProxy_PrefixRoutes_Route_RequestMirrorPolicy,
  RedisProxy_RedisFault,
} from '#envoy/extensions/filters/network/redis_proxy/v3/redis_proxy_pb.js';

const TYPE = 'envoy.extensions.filters.network.redis_proxy.v3.RedisProxy';
export const REDIS_PROXY = TYPE;

const check = honours(
  TYPE,
  [
    'stat_prefix',
    'settings',
    'latency_in_micros',
    'prefix_routes',
    'downstream_auth_password',
    'downstream_auth_passwords',
    'downstream_auth_username',
    'faults',
    'custom_commands',
    // RESP2 alone: see `readRedisProxy`.
    'protocol_version',
  ],
  { refused: { external_auth_provider: 'asking others for leave comes with ext_authz' } },
);
const checkSettings = honours(
  `${TYPE}.ConnPoolSettings`,
  [
    'op_timeout',
    'enable_hashtagging',
    'enable_redirection',
    'max_buffer_size_before_flush',
    'buffer_flush_timeout',
    'max_upstream_unknown_connections',
    'enable_command_stats',
    'read_policy',
    'connection_rate_limit',
  ],
  { refused: { dns_cache_config: 'redirections go to addresses' } },
);
const checkRateLimit = honours(`${TYPE}.ConnectionRateLimit`, ['connection_rate_limit_per_sec']);
const checkRoutes = honours(`${TYPE}.PrefixRoutes`, ['routes', 'case_insensitive', 'catch_all_route']);
const checkRoute = honours(`${TYPE}.PrefixRoutes.Route`, [
  'prefix',
  'remove_prefix',
  'cluster',
  'request_mirror_policy',
  'key_formatter',
  'read_command_policy',
]);
const checkMirror = honours(`${TYPE}.PrefixRoutes.Route.RequestMirrorPolicy`, [
  'cluster',
  'runtime_fraction',
  'exclude_read_commands',
]);
const checkReadPolicy = honours(`${TYPE}.PrefixRoutes.Route.ReadCommandPolicy`, ['cluster']);
const checkFault = honours(`${TYPE}.RedisFault`, ['fault_type', 'fault_enabled', 'delay', 'commands']);

const DEFAULT_FLUSH_TIMEOUT = 3;
const DEFAULT_UNKNOWN_CONNECTIONS = 100;
/** By number of ReadPolicy. */
const READ_POLICIES: readonly (RedisReadPolicy | undefined)[] = [
  'MASTER',
  'PREFER_MASTER',
  'REPLICA',
  'PREFER_REPLICA',
  'ANY',
];
const FAULTS = ['DELAY', 'ERROR'] as const;
/** One that says only what the key is, in the only form that is carried out. */
const FORMATS = /^[^%]*%KEY%[^%]*$/;

export function readRedisProxy(message: RedisProxy, at: Place, context: ReadContext): RedisProxyConfig {
  check(message, at);
  if (message.protocolVersion !== 0) at.collect(at.field('protocol_version').unsupported('RESP3 comes later'));
  const routes = message.prefixRoutes;
  const routesAt = at.field('prefix_routes');
  if (routes !== undefined) checkRoutes(routes, routesAt);
  const prefixes = readAll(routes?.routes ?? [], routesAt.field('routes'), readRoute);
  const caseInsensitive = routes?.caseInsensitive ?? false;
  checkPrefixes(prefixes, caseInsensitive, routesAt.field('routes'));
  const catchAllRoute = routes?.catchAllRoute;
  if (prefixes.length === 0 && catchAllRoute === undefined) {
    at.report('cannot configure a redis-proxy without any upstream');
  }
  const catchAllAt = routesAt.field('catch_all_route');
  return {
    statPrefix: message.statPrefix,
    settings: readSettings(message.settings, at.field('settings')),
    latencyInMicros: message.latencyInMicros,
    routes: prefixes,
    ...(catchAllRoute === undefined ? {} : { catchAllRoute: { ...readRoute(catchAllRoute, catchAllAt), prefix: '' } }),
    caseInsensitive,
    downstreamAuthPasswords: readPasswords(message, at, context),
    downstreamAuthUsername: readSecret(message.downstreamAuthUsername, at.field('downstream_auth_username'), context),
    faults: readAll(message.faults, at.field('faults'), readFault),
    customCommands: message.customCommands.map((command) => command.toLowerCase()),
  };
}

/** The newer field holds where both are set. */
function readPasswords(message: RedisProxy, at: Place, context: ReadContext): string[] {
  const list = readAll(message.downstreamAuthPasswords, at.field('downstream_auth_passwords'), (source, place) =>
    readSecret(source, place, context),
  );
  if (list.length > 0 || message.downstreamAuthPassword === undefined) return list;
  const password = readSecret(message.downstreamAuthPassword, at.field('downstream_auth_password'), context);
  return password === '' ? [] : [password];
}

function readSettings(message: RedisProxy_ConnPoolSettings | undefined, at: Place): RedisSettings {
  if (message === undefined) throw at.missing();
  checkSettings(message, at);
  if (message.connectionRateLimit !== undefined) {
    checkRateLimit(message.connectionRateLimit, at.field('connection_rate_limit'));
  }
  const readPolicy = READ_POLICIES[message.readPolicy];
  if (readPolicy === undefined) at.collect(at.field('read_policy').unsupported('zones of hosts are not looked at'));
  return {
    opTimeout: message.opTimeout === undefined ? 0 : milliseconds(message.opTimeout),
    enableHashtagging: message.enableHashtagging,
    enableRedirection: message.enableRedirection,
    maxBufferSizeBeforeFlush: message.maxBufferSizeBeforeFlush,
    bufferFlushTimeout: millisecondsOr(message.bufferFlushTimeout, DEFAULT_FLUSH_TIMEOUT),
    maxUpstreamUnknownConnections: message.maxUpstreamUnknownConnections ?? DEFAULT_UNKNOWN_CONNECTIONS,
    enableCommandStats: message.enableCommandStats,
    readPolicy: readPolicy ?? 'MASTER',
    connectionRateLimitPerSec: message.connectionRateLimit?.connectionRateLimitPerSec ?? 0,
  };
}

function readRoute(message: RedisProxy_PrefixRoutes_Route, at: Place): RedisRoute {
  checkRoute(message, at);
  const { keyFormatter, readCommandPolicy } = message;
  if (keyFormatter !== '' && !FORMATS.test(keyFormatter)) {
    at.collect(at.field('key_formatter').unsupported('a key is put where %KEY% stands, and nothing else'));
  }
  if (readCommandPolicy !== undefined) checkReadPolicy(readCommandPolicy, at.field('read_command_policy'));
  return {
    prefix: message.prefix,
    removePrefix: message.removePrefix,
    cluster: message.cluster,
    mirrors: readAll(message.requestMirrorPolicy, at.field('request_mirror_policy'), readMirror),
    keyFormatter,
    readCluster: readCommandPolicy?.cluster ?? '',
  };
}

function checkPrefixes(routes: readonly RedisRoute[], caseInsensitive: boolean, at: Place): void {
  const seen = new Set<string>();
  for (const [i, { prefix }] of routes.entries()) {
    const key = caseInsensitive ? prefix.toLowerCase() : prefix;
    if (seen.has(key)) at.index(i).field('prefix').report(`prefix \`${prefix}\` already exists.`);
    seen.add(key);
  }
}

function readMirror(
  message: RedisProxy_PrefixRoutes_Route_RequestMirrorPolicy,
  at: Place,
): RedisRoute['mirrors'][number] {
  checkMirror(message, at);
  const { cluster, runtimeFraction, excludeReadCommands } = message;
  return {
    cluster,
    ...(runtimeFraction === undefined ? {} : { fraction: readRuntimeFraction(runtimeFraction) }),
    excludeReadCommands,
  };
}

function readFault(message: RedisProxy_RedisFault, at: Place): RedisFault {
  checkFault(message, at);
  if (message.faultEnabled === undefined) throw at.field('fault_enabled').missing();
  return {
    kind: FAULTS[message.faultType] ?? 'DELAY',
    fraction: readRuntimeFraction(message.faultEnabled),
    delay: message.delay === undefined ? 0 : milliseconds(message.delay),
    commands: message.commands.map((command) => command.toLowerCase()),
  };
}
