/**
 * The transport socket that tells the upstream of the client, in a header before everything else.
 * Follows envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport and envoy.config.core.v3.ProxyProtocolConfig.
 */
import type { Place } from '#api/place.ts';
import type { ProxyProtocolOut } from '#config/model/tls.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { ProxyProtocolConfig, TlvEntry } from '#envoy/config/core/v3/proxy_protocol_pb.js';
import type { ProxyProtocolUpstreamTransport } from '#envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.js';

export const PROXY_PROTOCOL = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';
const check = honours(PROXY_PROTOCOL, ['config', 'transport_socket', 'tlv_as_pool_key'], {
  refused: { allow_unspecified_address: 'a header has both addresses, or none' },
});
const checkConfig = honours('envoy.config.core.v3.ProxyProtocolConfig', ['version', 'pass_through_tlvs', 'added_tlvs']);
const checkPassThrough = honours('envoy.config.core.v3.ProxyProtocolPassThroughTLVs', ['match_type', 'tlv_type']);
const checkTlv = honours('envoy.config.core.v3.TlvEntry', ['type', 'value'], {
  refused: { format_string: 'values stand as they are' },
});

const INCLUDE_ALL = 0;
const V1 = 0;
const HIGHEST_TYPE = 255;

/** @param at of the transport's configuration. */
export function readProxyProtocolOut(message: ProxyProtocolUpstreamTransport, at: Place): ProxyProtocolOut {
  check(message, at);
  return readConfig(message.config, at.field('config'));
}

function readConfig(message: ProxyProtocolConfig | undefined, at: Place): ProxyProtocolOut {
  if (message === undefined) return { version: 1, passThrough: [], added: [] };
  checkConfig(message, at);
  const { passThroughTlvs: passed, addedTlvs, version } = message;
  if (passed !== undefined) checkPassThrough(passed, at.field('pass_through_tlvs'));
  const isAll = passed !== undefined && passed.matchType === INCLUDE_ALL;
  return {
    version: version === V1 ? 1 : 2,
    passThrough: isAll ? 'all' : (passed?.tlvType ?? []),
    added: readTlvs(addedTlvs, at.field('added_tlvs')),
  };
}

export function readTlvs(messages: readonly TlvEntry[], at: Place): { type: number; value: Uint8Array }[] {
  return readAll(messages, at, (tlv, place) => {
    checkTlv(tlv, place);
    const { type, value } = tlv;
    if (type > HIGHEST_TYPE) throw place.field('type').problem(`the type of a TLV is at most ${HIGHEST_TYPE}`);
    return { type, value };
  });
}
