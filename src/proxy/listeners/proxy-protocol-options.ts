/**
 * What a PROXY header told of a client, as filter state: listener filters set it, whoever sends a header of its own upstream reads it.
 * Follows Envoy's ProxyProtocolFilterState.
 */
import type { ProxyHeader, ProxyVersion, Tlv } from '#wire/proxy-protocol/parse-proxy-header.ts';

/** The name of the filter state, which holds {@link ProxyProtocolOptions}. */
export const PROXY_PROTOCOL_OPTIONS = 'envoy.network.proxy_protocol_options';

export interface ProxyProtocolOptions extends NonNullable<ProxyHeader['ends']> {
  version: ProxyVersion;
  /** Those to pass on. */
  tlvs: Tlv[];
}
