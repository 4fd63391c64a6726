/**
 * Resolves names as Envoy's c-ares does: addresses stay as they are, then /etc/hosts, then the servers of the cluster or the system.
 * Follows envoy.extensions.network.dns_resolver.cares.v3 and config.cluster.v3.Cluster.DnsLookupFamily.
 */
import { isIP } from 'node:net';
import type { Schedule } from '#base/timers.ts';
import type { DnsOptions } from '#config/model/cluster.ts';
import { dnsStats } from '#proxy/observe/stats/manager-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { type QueryResult, queryAddresses } from '#proxy/upstream/discovery/dns-query.ts';
import { addressesOfHost, isLocalhost, parseHosts } from '#proxy/upstream/discovery/hosts-file.ts';
import type { LookupFamily, NameResolver, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { candidates, parseResolvConf } from '#proxy/upstream/discovery/resolv-conf.ts';
import { WatchedFile } from '#proxy/upstream/discovery/watched-file.ts';

export type ResolverOptions = Pick<
  DnsOptions,
  'resolvers' | 'useTcp' | 'noDefaultSearchDomain' | 'queryTimeout' | 'queryTries'
>;

export interface ResolverParts {
  schedule: Schedule;
  /** Paths, for tests. */
  hosts?: string;
  resolvConf?: string;
}

/** Which versions of IP are asked for, in turn until one has addresses, or together. */
const PLANS: { [family in LookupFamily]: { versions: readonly (4 | 6)[]; together?: boolean } } = {
  AUTO: { versions: [6, 4] },
  V4_ONLY: { versions: [4] },
  V6_ONLY: { versions: [6] },
  V4_PREFERRED: { versions: [4, 6] },
  ALL: { versions: [4, 6], together: true },
};

const DEFAULT_TIMEOUT = 5000;
const DEFAULT_TRIES = 4;

export class SystemResolver implements NameResolver {
  private readonly options: ResolverOptions;
  private readonly schedule: Schedule;
  private readonly stats: ReturnType<typeof dnsStats>;
  private readonly hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  private readonly resolvConf: WatchedFile<ReturnType<typeof parseResolvConf>>;

  constructor(options: ResolverOptions, root: Scope, parts: ResolverParts) {
    this.options = options;
    this.schedule = parts.schedule;
    this.stats = dnsStats(root);
    this.hosts = new WatchedFile(parts.hosts ?? '/etc/hosts', parseHosts);
    this.resolvConf = new WatchedFile(parts.resolvConf ?? '/etc/resolv.conf', parseResolvConf);
  }

  resolve(name: string, family: LookupFamily, done: (resolution: Resolution) => void): () => void {
    const abort = new AbortController();
    this.stats.resolveTotal.inc();
    this.stats.pendingResolutions.inc();
    this.resolveFamily(name, family, abort.signal).then((resolution) => {
      this.stats.pendingResolutions.dec();
      if (!abort.signal.aborted) asEvent(() => done(resolution));
    });
    return () => abort.abort();
  }

  private async resolveFamily(name: string, family: LookupFamily, signal: AbortSignal): Promise<Resolution> {
    if (isLiteral(name, family)) return { status: 'completed', addresses: [{ address: name, ttl: 0 }] };
    const { versions, together } = PLANS[family];
    if (together)
      return merged(await Promise.all(versions.map((version) => this.resolveVersion(name, version, signal))));
    const before: Resolution[] = [];
    for (const version of versions) {
      const resolution = await this.resolveVersion(name, version, signal);
      if (resolution.addresses.length > 0) return resolution;
      before.push(resolution);
    }
    return merged(before);
  }

  private async resolveVersion(name: string, version: 4 | 6, signal: AbortSignal): Promise<Resolution> {
    const known = addressesOfHost(this.hosts.current(), name, version);
    if (known.length > 0) return { status: 'completed', addresses: known.map((address) => ({ address, ttl: 0 })) };
    const { outcome, addresses } = isLocalhost(name) ? NOT_FOUND : await this.search(name, version, signal);
    if (outcome === 'not_found' || outcome === 'no_data') this.stats.notFound.inc();
    else if (outcome !== 'found') this.stats.getAddrFailure.inc();
    return { status: outcome === 'timeout' || outcome === 'failed' ? 'failure' : 'completed', addresses };
  }

  /** Tries the name with each search domain, until a server knows one. */
  private async search(name: string, version: 4 | 6, signal: AbortSignal): Promise<QueryResult> {
    const { resolvers, useTcp, queryTimeout, queryTries, noDefaultSearchDomain } = this.options;
    const system = this.resolvConf.current();
    const options = {
      servers: resolvers.length > 0 ? resolvers : system.servers,
      useTcp,
      timeout: queryTimeout ?? DEFAULT_TIMEOUT,
      tries: queryTries ?? DEFAULT_TRIES,
      schedule: this.schedule,
    };
    const { search, ndots } = system;
    let result = NOT_FOUND;
    for (const candidate of candidates(name, { search: noDefaultSearchDomain ? [] : search, ndots })) {
      const next = await queryAddresses(candidate, version === 4 ? 'A' : 'AAAA', options, signal);
      this.stats.timeouts.add(next.timeouts);
      // That a name is there without such addresses says more than that another is not there.
      if (next.outcome !== 'not_found' || result.outcome !== 'no_data') result = next;
      if (next.outcome !== 'not_found' && next.outcome !== 'no_data') break;
    }
    return result;
  }
}

const NOT_FOUND: QueryResult = { outcome: 'not_found', addresses: [], timeouts: 0 };

/** As in c-ares, an IPv4 address is one whatever family is asked for; an IPv6 address where IPv6 is. */
function isLiteral(name: string, family: LookupFamily): boolean {
  const version = isIP(name);
  return version === 4 || (version === 6 && family !== 'V4_ONLY');
}

/** One server that answered is enough. */
function merged(resolutions: Resolution[]): Resolution {
  const status = resolutions.some((one) => one.status === 'completed') ? 'completed' : 'failure';
  return { status, addresses: resolutions.flatMap(({ addresses }) => addresses) };
}
