/**
 * The TCP proxy. Follows envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.
 */
import type { Place } from '#api/place.ts';
import type { TcpProxyConfig } from '#config/model/tcp-proxy.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import type { ReadContext } from '#config/read/context.ts';
import { milliseconds, millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import { readTunneling } from '#config/read/tunneling.ts';
import { readTlvs } from '#config/read/upstream-proxy-protocol.ts';
import type { BackoffStrategy } from '#envoy/config/core/v3/backoff_pb.js';
import type {
  TcpProxy,
  TcpProxy_WeightedCluster,
} from '#envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.js';
import type { HashPolicy } from '#envoy/type/v3/hash_policy_pb.js';

export const TCP_PROXY = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const NOT_IN_ENVOY = 'Envoy does not implement it either';
const NO_SUBSETS = 'it chooses among subsets of hosts; a cluster that has some is refused';

const check = honours(
  TCP_PROXY,
  [
    'stat_prefix',
    'cluster',
    'weighted_clusters',
    'idle_timeout',
    'access_log',
    'max_connect_attempts',
    'backoff_options',
    'hash_policy',
    'tunneling_config',
    'max_downstream_connection_duration',
    'proxy_protocol_tlvs',
    'proxy_protocol_tlv_merge_policy',
    'max_downstream_connection_duration_jitter_percentage',
    'access_log_flush_interval',
    'flush_access_log_on_connected',
    'access_log_options',
    'upstream_connect_mode',
    'max_early_data_bytes',
    'check_drain_close',
  ],
  {
    withoutEffect: {
      downstream_idle_timeout: NOT_IN_ENVOY,
      upstream_idle_timeout: NOT_IN_ENVOY,
      metadata_match: NO_SUBSETS,
    },
    refused: { on_demand: 'clusters are not fetched on demand' },
  },
);
const checkWeighted = honours(`${TCP_PROXY}.WeightedCluster`, ['clusters']);
const checkWeight = honours(`${TCP_PROXY}.WeightedCluster.ClusterWeight`, ['name', 'weight'], {
  withoutEffect: { metadata_match: NO_SUBSETS },
});
const checkLogOptions = honours(`${TCP_PROXY}.TcpAccessLogOptions`, [
  'access_log_flush_interval',
  'flush_access_log_on_connected',
  'flush_access_log_on_start',
]);
const checkBackoff = honours('envoy.config.core.v3.BackoffStrategy', ['base_interval', 'max_interval']);
const checkHashPolicy = honours('envoy.type.v3.HashPolicy', ['source_ip', 'filter_state']);
const checkHashState = honours('envoy.type.v3.HashPolicy.FilterState', ['key']);

const DEFAULT_IDLE_TIMEOUT = 3_600_000;
/** By number of UpstreamConnectMode. */
const CONNECT_MODES = ['IMMEDIATE', 'ON_DOWNSTREAM_DATA', 'ON_DOWNSTREAM_TLS_HANDSHAKE'] as const;

/** By number of ProxyProtocolTlvMergePolicy. */
const TLV_MERGES = ['ADD_IF_ABSENT', 'OVERWRITE_BY_TYPE_IF_EXISTS_OR_ADD', 'APPEND_IF_EXISTS_OR_ADD'] as const;

export function readTcpProxy(message: TcpProxy, at: Place, context: ReadContext): TcpProxyConfig {
  check(message, at);
  const connectMode = CONNECT_MODES[message.upstreamConnectMode] ?? 'IMMEDIATE';
  const { maxEarlyDataBytes } = message;
  if (connectMode !== 'IMMEDIATE' && maxEarlyDataBytes === undefined) {
    throw at
      .field('upstream_connect_mode')
      .problem('max_early_data_bytes must be set when upstream_connect_mode is not IMMEDIATE');
  }
  const clusters = readClusters(message, at);
  return {
    statPrefix: message.statPrefix,
    clusters,
    totalWeight: clusters.reduce((sum, { weight }) => sum + weight, 0),
    idleTimeout: millisecondsOr(message.idleTimeout, DEFAULT_IDLE_TIMEOUT),
    maxConnectAttempts: message.maxConnectAttempts ?? 1,
    ...readBackoff(message.backoffOptions, at.field('backoff_options')),
    ...readHashPolicy(message.hashPolicy, at.field('hash_policy')),
    maxConnectionDuration: millisecondsOr(message.maxDownstreamConnectionDuration, 0),
    maxConnectionDurationJitter: message.maxDownstreamConnectionDurationJitterPercentage?.value ?? 0,
    connectMode,
    ...(maxEarlyDataBytes === undefined ? {} : { maxEarlyDataBytes }),
    checkDrainClose: message.checkDrainClose ?? false,
    accessLog: readAccessLogs(message.accessLog, at.field('access_log'), context),
    ...readLogOptions(message, at),
    ...(message.tunnelingConfig === undefined
      ? {}
      : { tunneling: readTunneling(message.tunnelingConfig, at.field('tunneling_config'), context) }),
    ...(message.proxyProtocolTlvs.length === 0
      ? {}
      : {
          addedTlvs: {
            tlvs: readTlvs(message.proxyProtocolTlvs, at.field('proxy_protocol_tlvs')),
            merge: TLV_MERGES[message.proxyProtocolTlvMergePolicy] ?? 'ADD_IF_ABSENT',
          },
        }),
  };
}

function readClusters({ clusterSpecifier }: TcpProxy, at: Place): TcpProxyConfig['clusters'] {
  if (clusterSpecifier.case !== 'weightedClusters') return [{ name: clusterSpecifier.value ?? '', weight: 1 }];
  const weighted: TcpProxy_WeightedCluster = clusterSpecifier.value;
  const place = at.field('weighted_clusters');
  checkWeighted(weighted, place);
  return weighted.clusters.map((cluster, i) => {
    checkWeight(cluster, place.field('clusters').index(i));
    return { name: cluster.name, weight: cluster.weight };
  });
}

function readBackoff(message: BackoffStrategy | undefined, at: Place): Pick<TcpProxyConfig, 'backoff'> {
  if (message?.baseInterval === undefined) return {};
  checkBackoff(message, at);
  const baseInterval = milliseconds(message.baseInterval);
  const maxInterval = millisecondsOr(message.maxInterval, baseInterval * 10);
  if (maxInterval < baseInterval) {
    throw at.field('max_interval').problem('max_backoff_interval must be greater or equal to base_backoff_interval');
  }
  return { backoff: { baseInterval, maxInterval } };
}

function readHashPolicy(messages: readonly HashPolicy[], at: Place): Pick<TcpProxyConfig, 'hashPolicy'> {
  const [message] = messages;
  if (message === undefined) return {};
  const place = at.index(0);
  checkHashPolicy(message, place);
  const { policySpecifier: policy } = message;
  if (policy.case !== 'filterState') return { hashPolicy: { kind: 'source_ip' } };
  checkHashState(policy.value, place.field('filter_state'));
  return { hashPolicy: { kind: 'filter_state', key: policy.value.key } };
}

type LogOptions = Pick<TcpProxyConfig, 'accessLogFlushInterval' | 'logsUpstreamConnected' | 'logsStart'>;

function readLogOptions(message: TcpProxy, at: Place): LogOptions {
  const { accessLogOptions: options, accessLogFlushInterval, flushAccessLogOnConnected } = message;
  if (options !== undefined) {
    checkLogOptions(options, at.field('access_log_options'));
    if (accessLogFlushInterval !== undefined) throw bothGiven('access_log_flush_interval', at);
    if (flushAccessLogOnConnected) throw bothGiven('flush_access_log_on_connected', at);
  }
  return {
    accessLogFlushInterval: millisecondsOr(options?.accessLogFlushInterval ?? accessLogFlushInterval, 0),
    logsUpstreamConnected: options?.flushAccessLogOnConnected ?? flushAccessLogOnConnected,
    logsStart: options?.flushAccessLogOnStart ?? false,
  };
}

function bothGiven(older: string, at: Place) {
  return at.field(older).problem(`Only one of ${older} or access_log_options can be specified.`);
}
