/**
 * The DNS filter as plain data. Times in milliseconds. Follows extensions.filters.udp.dns_filter.v3.DnsFilterConfig.
 */
import type { DnsOptions } from './cluster.ts';

export interface DnsFilterConfig {
  statPrefix: string;
  domains: DnsDomain[];
  caseInsensitive: boolean;
  /** Undefined: nobody else is asked. */
  client?: DnsFilterClient;
}

export interface DnsDomain {
  /** A name, or `*.` and what comes before may be anything. */
  name: string;
  endpoint: { kind: 'addresses'; addresses: string[] } | { kind: 'cluster'; cluster: string };
  /** Seconds. */
  ttl: number;
}

export interface DnsFilterClient {
  resolver: Pick<
    DnsOptions,
    'resolvers' | 'resolversAreFallback' | 'rotate' | 'useTcp' | 'noDefaultSearchDomain' | 'queryTimeout' | 'queryTries'
  >;
  timeout: number;
  maxPendingLookups: number;
  /** How often a name is asked for again. */
  retries: number;
}
