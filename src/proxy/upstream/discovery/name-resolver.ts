/**
 * What discovery asks of a resolver of names, so that tests can answer instead. Follows Envoy's Network::DnsResolver.
 */
import type { DnsOptions } from '#config/model/cluster.ts';

export type LookupFamily = DnsOptions['lookupFamily'];

export interface ResolvedAddress {
  /** IPv4 or IPv6, without a port. */
  address: string;
  /** Seconds; 0 where it is not known, as for names of /etc/hosts. */
  ttl: number;
}

/** A name that does not exist, or that has no such addresses, is completed with none: only a server that does not help is a failure. */
export interface Resolution {
  status: 'completed' | 'failure';
  addresses: ResolvedAddress[];
  /** How it went in Envoy's words, as response-code details have them: `cares_norecords:Domain_name_not_found`. */
  details?: string;
}

export interface NameResolver {
  /** @returns how to give up: `done` is not called after that. */
  resolve(name: string, family: LookupFamily, done: (resolution: Resolution) => void): () => void;
}
