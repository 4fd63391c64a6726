/**
 * Every UDP listener filter, one line each, by the type URL that configures it.
 */
import type { DnsFilterConfig } from '#config/model/dns-filter.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { UdpProxyConfig } from '#config/model/udp.ts';
import { DnsFilter } from '#proxy/udp/dns-filter.ts';
import type { UdpFilterInUse, UdpFilterParts } from '#proxy/udp/udp-filter.ts';
import { UdpProxy } from '#proxy/udp/udp-proxy.ts';

const PREFIX = 'type.googleapis.com/envoy.extensions.filters.udp.';

type Make = (config: never, parts: UdpFilterParts) => UdpFilterInUse;

const FILTERS: { readonly [type: string]: Make } = {
  'dns_filter.v3.DnsFilterConfig': (config: DnsFilterConfig, parts) => new DnsFilter(config, parts),
  'udp_proxy.v3.UdpProxyConfig': (config: UdpProxyConfig, parts) => new UdpProxy(config, parts),
};

export function udpFilterOf({ typeUrl, config }: FilterUse, parts: UdpFilterParts): UdpFilterInUse {
  const make = FILTERS[typeUrl.slice(PREFIX.length)];
  if (make === undefined) throw new Error(`no UDP listener filter for ${typeUrl}`);
  return make(config as never, parts);
}
