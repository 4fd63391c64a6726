/**
 * TLVs that the TCP proxy adds to what upstreams hear of a client in PROXY headers. Follows `proxy_protocol_tlvs` and
 * `proxy_protocol_tlv_merge_policy` of extensions.filters.network.tcp_proxy.v3.TcpProxy.
 */
import type { AddedTlvs } from '#config/model/tcp-proxy.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { PROXY_PROTOCOL_OPTIONS, type ProxyProtocolOptions } from '#proxy/listeners/proxy-protocol-options.ts';
import type { Tlv } from '#wire/proxy-protocol/parse-proxy-header.ts';

/** Notes them in the connection's filter state, where whoever writes the header finds them. */
export function addTlvs(connection: DownstreamConnection, { tlvs, merge }: AddedTlvs): void {
  const told = connection.filterState?.get(PROXY_PROTOCOL_OPTIONS) as ProxyProtocolOptions | undefined;
  if (told !== undefined && merge === 'ADD_IF_ABSENT') return;
  const ours = tlvs.map(({ type, value }): Tlv => ({ type, value: Buffer.from(value) }));
  const known = told ?? {
    source: { address: connection.sourceAddress, port: connection.sourcePort },
    destination: { address: connection.destinationAddress, port: connection.destinationPort },
    version: 2 as const,
    tlvs: [],
  };
  const both =
    merge === 'APPEND_IF_EXISTS_OR_ADD'
      ? [...known.tlvs, ...ours]
      : [...ours, ...known.tlvs.filter(({ type }) => !tlvs.some((own) => own.type === type))];
  connection.setFilterState(PROXY_PROTOCOL_OPTIONS, { ...known, tlvs: both } satisfies ProxyProtocolOptions);
}
