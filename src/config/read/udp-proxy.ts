/**
 * The UDP proxy: which cluster takes a session, and for how long. Follows envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.
 */
import type { Message } from '@bufbuild/protobuf';
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { MatcherTree } from '#config/model/matcher-tree.ts';
import type { UdpHashPolicy, UdpProxyConfig } from '#config/model/udp.ts';
import { readAccessLogs } from '#config/read/access-log.ts';
import type { ReadContext } from '#config/read/context.ts';
import { millisecondsOr, optionalMilliseconds } from '#config/read/duration.ts';
import { type ExtensionReader, unsupportedExtension } from '#config/read/extensions.ts';
import { UDP_INPUTS } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { readMaxDatagramSize } from '#config/read/udp-listener.ts';
import type { Route } from '#envoy/extensions/filters/udp/udp_proxy/v3/route_pb.js';
import type {
  UdpProxyConfig_HashPolicy,
  UdpProxyConfig_UdpAccessLogOptions,
  UdpProxyConfig as UdpProxyMessage,
} from '#envoy/extensions/filters/udp/udp_proxy/v3/udp_proxy_pb.js';

const TYPE = 'envoy.extensions.filters.udp.udp_proxy.v3';
const ROUTE = `${TYPE}.Route`;

const check = honours(
  `${TYPE}.UdpProxyConfig`,
  [
    'stat_prefix',
    'cluster',
    'matcher',
    'idle_timeout',
    'hash_policies',
    'upstream_socket_config',
    'use_per_packet_load_balancing',
    'access_log',
    'proxy_access_log',
    'access_log_options',
  ],
  {
    refused: {
      use_original_src_ip: 'it needs IP_TRANSPARENT and rules of the kernel',
      session_filters: 'filters of sessions come later',
      tunneling_config: 'UDP over HTTP comes later',
    },
  },
);
const checkHash = honours(`${TYPE}.UdpProxyConfig.HashPolicy`, ['source_ip', 'key']);
const checkLogOptions = honours(`${TYPE}.UdpProxyConfig.UdpAccessLogOptions`, ['access_log_flush_interval'], {
  refused: { flush_access_log_on_tunnel_connected: 'UDP over HTTP comes later' },
});
const checkRoute = honours(ROUTE, ['cluster']);

const DEFAULT_IDLE_TIMEOUT = 60_000;

export const udpProxyReader: ExtensionReader = {
  name: 'envoy.filters.udp_listener.udp_proxy',
  message: `${TYPE}.UdpProxyConfig`,
  category: 'udp_listener_filter',
  terminal: true,
  read: (message: Message, at, context) => readUdpProxy(message as UdpProxyMessage, at, context),
};

function readUdpProxy(message: UdpProxyMessage, at: Place, context: ReadContext): UdpProxyConfig {
  check(message, at);
  return {
    statPrefix: message.statPrefix,
    matcher: readRoute(message, at),
    idleTimeout: millisecondsOr(message.idleTimeout, DEFAULT_IDLE_TIMEOUT),
    hashPolicies: readAll(message.hashPolicies, at.field('hash_policies'), readHashPolicy),
    usePerPacketLoadBalancing: message.usePerPacketLoadBalancing,
    maxRxDatagramSize: readMaxDatagramSize(message.upstreamSocketConfig, at.field('upstream_socket_config'), true),
    accessLog: readAccessLogs(message.accessLog, at.field('access_log'), context),
    proxyAccessLog: readAccessLogs(message.proxyAccessLog, at.field('proxy_access_log'), context),
    accessLogFlushInterval: readFlushInterval(message.accessLogOptions, at.field('access_log_options')),
  };
}

function readRoute({ routeSpecifier: route }: UdpProxyMessage, at: Place): MatcherTree<string> {
  switch (route.case) {
    case 'cluster':
      return { body: { kind: 'list', matchers: [] }, onNoMatch: { kind: 'action', action: route.value } };
    case 'matcher':
      return readMatcherTree(route.value, at.field('matcher'), UDP_INPUTS, readAction);
    default:
      throw at.problem('one of cluster, matcher is required');
  }
}

function readAction({ name, typedConfig }: ActionMessage, at: Place): string {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== ROUTE) throw unsupportedExtension(name, type.typeName, 'matching_action', place);
  checkRoute(message, place);
  return (message as Route).cluster;
}

function readHashPolicy(message: UdpProxyConfig_HashPolicy, at: Place): UdpHashPolicy {
  checkHash(message, at);
  const { policySpecifier: policy } = message;
  return policy.case === 'key' ? { kind: 'key', key: policy.value } : { kind: 'source_ip' };
}

function readFlushInterval(message: UdpProxyConfig_UdpAccessLogOptions | undefined, at: Place): number {
  if (message === undefined) return 0;
  checkLogOptions(message, at);
  return optionalMilliseconds(message.accessLogFlushInterval) ?? 0;
}
