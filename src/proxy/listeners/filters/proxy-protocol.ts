/**
 * Takes the client's addresses from what a proxy in front says of it, versions 1 and 2, with what else version 2 tells (TLVs).
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/proxy_protocol
 */
import type { Place } from '#api/place.ts';
import { honours } from '#config/read/support.ts';
import type { ProxyProtocol } from '#envoy/extensions/filters/listener/proxy_protocol/v3/proxy_protocol_pb.js';
import { Close, Continue, type ListenerFilterStatus, listenerFilter, Wait } from '#proxy/listeners/listener-filter.ts';
import type { ListenerFilterRun } from '#proxy/listeners/listener-filter-run.ts';
import { PROXY_PROTOCOL_OPTIONS, type ProxyProtocolOptions } from '#proxy/listeners/proxy-protocol-options.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import {
  mayBeProxyHeader,
  type ProxyHeader,
  type ProxyVersion,
  parseProxyHeader,
  proxyHeaderVersion,
  type Tlv,
} from '#wire/proxy-protocol/parse-proxy-header.ts';
import { replaceInvalidUtf8 } from '#wire/proxy-protocol/replace-invalid-utf8.ts';

const TYPE = 'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol';
const check = honours(TYPE, [
  'rules',
  'allow_requests_without_proxy_protocol',
  'pass_through_tlvs',
  'disallowed_versions',
  'stat_prefix',
  'tlv_location',
]);
const checkRule = honours(`${TYPE}.Rule`, ['tlv_type', 'on_tlv_present']);
const checkPair = honours(`${TYPE}.KeyValuePair`, ['metadata_namespace', 'key', 'value_string_encoding']);
const checkPassThrough = honours('envoy.config.core.v3.ProxyProtocolPassThroughTLVs', ['match_type', 'tlv_type']);

/** Where rules put what they find, unless they name another. */
const METADATA_NAMESPACE = 'envoy.filters.listener.proxy_protocol';
const TLV_STATE = 'envoy.network.proxy_protocol.tlv';
const BASE64 = 2;
const FILTER_STATE = 1;

interface Config {
  rules: { type: number; namespace: string; key: string; base64: boolean }[];
  toFilterState: boolean;
  /** `all`: every TLV; undefined: none. */
  passThrough: 'all' | number[] | undefined;
  allowsAbsent: boolean;
  disallowed: ProxyVersion[];
  statPrefix: string;
}

export const proxyProtocol = listenerFilter({
  name: 'envoy.filters.listener.proxy_protocol',
  message: TYPE,

  config(message: ProxyProtocol, at): Config {
    check(message, at);
    return {
      rules: readRules(message, at.field('rules')),
      toFilterState: message.tlvLocation === FILTER_STATE,
      passThrough: readPassThrough(message, at.field('pass_through_tlvs')),
      allowsAbsent: message.allowRequestsWithoutProxyProtocol,
      disallowed: message.disallowedVersions.map((version) => (version === 0 ? 1 : 2)),
      statPrefix: message.statPrefix,
    };
  },

  stats(root, { statPrefix }) {
    const scope = root.scope(statPrefix === '' ? 'proxy_proto' : `proxy_proto.${statPrefix}`);
    return {
      notFoundDisallowed: scope.counter('not_found_disallowed'),
      notFoundAllowed: scope.counter('not_found_allowed'),
      versions: { 1: versionStats(scope.scope('versions.v1')), 2: versionStats(scope.scope('versions.v2')) },
      /** Of the time before versions were told apart. */
      downstreamCxProxyProtoError: root.counter('downstream_cx_proxy_proto_error'),
    };
  },

  accept: () => Wait,

  data(run, { config, stats }, bytes) {
    if (config.allowsAbsent && !maySome(bytes, config.disallowed)) {
      stats.notFoundAllowed.inc();
      return Continue;
    }
    const version = proxyHeaderVersion(bytes);
    if (version === 'incomplete') return Wait;
    if ((version === 1 || version === 2) && config.disallowed.includes(version)) {
      stats.versions[version].found.inc();
      stats.versions[version].disallowed.inc();
      return Close;
    }
    const header = parseProxyHeader(bytes);
    if (header.kind === 'incomplete') return Wait;
    if (header.kind !== 'header') {
      if (header.kind === 'absent') stats.notFoundDisallowed.inc();
      else stats.versions[header.version].error.inc();
      stats.downstreamCxProxyProtoError.inc();
      return Close;
    }
    stats.versions[header.version].found.inc();
    return apply(run, header, config);
  },
});

function versionStats(scope: Scope) {
  return { found: scope.counter('found'), disallowed: scope.counter('disallowed'), error: scope.counter('error') };
}

/** Whether the bytes may still become a header of a version that is allowed. */
function maySome(bytes: Buffer, disallowed: readonly ProxyVersion[]): boolean {
  return ([1, 2] as const).some((version) => !disallowed.includes(version) && mayBeProxyHeader(bytes, version));
}

function apply(run: ListenerFilterRun, header: ProxyHeader, config: Config): ListenerFilterStatus {
  const { connection } = run;
  const { ends, tlvs, version } = header;
  run.take(header.length);
  if (ends === undefined) return Continue;
  const { source, destination } = ends;
  const { passThrough } = config;
  const passed = tlvs.filter(({ type }) => passThrough === 'all' || passThrough?.includes(type));
  connection.setFilterState(PROXY_PROTOCOL_OPTIONS, { ...ends, version, tlvs: passed } satisfies ProxyProtocolOptions);
  noteTlvs(run, tlvs, config);
  if (destination.address !== connection.destinationAddress || destination.port !== connection.destinationPort)
    connection.restoreDestination(destination.address, destination.port);
  connection.setSource(source.address, source.port);
  return Continue;
}

/** Puts what the rules ask for into metadata or filter state. Of several TLVs of one type the first holds. */
function noteTlvs({ connection }: ListenerFilterRun, tlvs: readonly Tlv[], config: Config): void {
  const state: { [key: string]: string } = {};
  for (const { type, namespace, key, base64 } of config.rules) {
    const found = tlvs.find((tlv) => tlv.type === type);
    if (found === undefined) continue;
    const value = base64 ? found.value.toString('base64') : replaceInvalidUtf8(found.value);
    if (config.toFilterState) state[key] = value;
    else connection.setMetadata(namespace, { [key]: value });
  }
  if (Object.keys(state).length > 0) connection.setFilterState(TLV_STATE, state);
}

function readRules({ rules }: ProxyProtocol, at: Place): Config['rules'] {
  return rules.map((rule, i) => {
    const place = at.index(i);
    checkRule(rule, place);
    const pair = rule.onTlvPresent;
    if (pair === undefined) throw place.field('on_tlv_present').missing();
    checkPair(pair, place.field('on_tlv_present'));
    return {
      type: rule.tlvType,
      namespace: pair.metadataNamespace === '' ? METADATA_NAMESPACE : pair.metadataNamespace,
      key: pair.key,
      base64: pair.valueStringEncoding === BASE64,
    };
  });
}

function readPassThrough({ passThroughTlvs }: ProxyProtocol, at: Place): Config['passThrough'] {
  if (passThroughTlvs === undefined) return undefined;
  checkPassThrough(passThroughTlvs, at);
  return passThroughTlvs.matchType === 0 ? 'all' : passThroughTlvs.tlvType;
}
