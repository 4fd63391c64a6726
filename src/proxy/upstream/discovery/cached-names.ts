/**
 * Members of a forward proxy's cluster: every name of its cache that has an address. A name keeps its host, and the connections to it, when
 * its address changes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_proxy
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Discovery, DiscoveryParts } from '#proxy/upstream/discovery/discover.ts';
import type { CachedName, DnsCache } from '#proxy/upstream/dns-cache/dns-cache.ts';
import { type HostUpdate, oneLocality } from '#proxy/upstream/host-set-update.ts';

export class CachedNames implements Discovery {
  private readonly stopListening: () => void;

  constructor(config: ClusterConfig, cache: DnsCache, parts: DiscoveryParts) {
    const tell = () => parts.onUpdate(oneLocality(config.name, cache.names().map(hostOf)));
    this.stopListening = cache.onChange(tell);
    tell();
    parts.onReady();
  }

  stop(): void {
    this.stopListening();
  }
}

function hostOf({ key, host, port, addresses }: CachedName): HostUpdate {
  const [address, ...additionalAddresses] = addresses.map((one) => ({
    kind: 'ip' as const,
    address: one,
    port,
    protocol: 'TCP' as const,
    ipv4Compat: false,
  }));
  return { key, address, additionalAddresses, hostname: host, weight: 1, metadata: {}, healthFlags: 0 };
}
