/**
 * Resolves names as Envoy's c-ares does: addresses stay as they are, then /etc/hosts, then the servers of the cluster or the system.
 * Follows envoy.extensions.network.dns_resolver.cares.v3 and config.cluster.v3.Cluster.DnsLookupFamily.
 */
import { isIP } from 'node:net';
import { type Random, systemRandom } from '#base/random.ts';
import type { Schedule } from '#base/timers.ts';
import type { DnsOptions } from '#config/model/cluster.ts';
import { dnsStats } from '#proxy/observe/stats/manager-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import { type QueryResult, queryVersions } from '#proxy/upstream/discovery/dns-query.ts';
import { DnsServers } from '#proxy/upstream/discovery/dns-servers.ts';
import { addressesOfHost, isLocalhost, parseHosts } from '#proxy/upstream/discovery/hosts-file.ts';
import type { LookupFamily, NameResolver, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { candidates, NOBODY, parseResolvConf } from '#proxy/upstream/discovery/resolv-conf.ts';
import { WatchedFile } from '#proxy/upstream/discovery/watched-file.ts';

export type ResolverOptions = Pick<
  DnsOptions,
  'resolvers' | 'resolversAreFallback' | 'rotate' | 'useTcp' | 'noDefaultSearchDomain' | 'queryTimeout' | 'queryTries'
>;

export interface ResolverParts {
  schedule: Schedule;
  /** Monotonic milliseconds, and chance; for tests. */
  now?: () => number;
  random?: Random;
  /** Paths, for tests. */
  hosts?: string;
  resolvConf?: string;
}

/** Which versions of IP are looked up: lookups follow each other until one finds addresses; versions of one lookup go together. */
const LOOKUPS: { [family in LookupFamily]: readonly (readonly (4 | 6)[])[] } = {
  AUTO: [[6], [4]],
  V4_ONLY: [[4]],
  V6_ONLY: [[6]],
  V4_PREFERRED: [[4], [6]],
  ALL: [[4, 6]],
};

const DEFAULT_TIMEOUT = 5000;
const DEFAULT_TRIES = 4;

const FAILURE: Resolution = { status: 'failure', addresses: [] };
const NOT_FOUND: QueryResult = { outcome: 'not_found', addresses: [], timeouts: 0 };
/** Not a name, or an address of the other family. */
const BAD_NAME: QueryResult = { outcome: 'bad_name', addresses: [], timeouts: 0 };

/** What c-ares says of an outcome. */
const DETAILS: Record<QueryResult['outcome'], string> = {
  found: 'cares_success:Successful_completion',
  not_found: 'cares_norecords:Domain_name_not_found',
  no_data: 'cares_norecords:DNS_server_returned_answer_with_no_data',
  timeout: 'cares_failure:Timeout_while_contacting_DNS_servers',
  failed: 'cares_failure:DNS_server_returned_general_failure',
  bad_name: 'cares_failure:Misformatted_domain_name',
};

export class SystemResolver implements NameResolver {
  private readonly options: ResolverOptions;
  private readonly schedule: Schedule;
  private readonly fared: DnsServers;
  private readonly stats: ReturnType<typeof dnsStats>;
  private readonly hosts: WatchedFile<ReturnType<typeof parseHosts>>;
  private readonly resolvConf: WatchedFile<ReturnType<typeof parseResolvConf>>;

  constructor(options: ResolverOptions, root: Scope, parts: ResolverParts) {
    this.options = options;
    this.schedule = parts.schedule;
    this.fared = new DnsServers(parts.now ?? (() => clock.now()), parts.random ?? systemRandom);
    this.stats = dnsStats(root);
    this.hosts = new WatchedFile(parts.hosts ?? '/etc/hosts', parseHosts);
    this.resolvConf = new WatchedFile(parts.resolvConf ?? '/etc/resolv.conf', parseResolvConf);
  }

  resolve(name: string, family: LookupFamily, done: (resolution: Resolution) => void): () => void {
    const abort = new AbortController();
    this.stats.pendingResolutions.inc();
    const answered = (resolution: Resolution): void => {
      this.stats.pendingResolutions.dec();
      if (!abort.signal.aborted) asEvent(() => done(resolution));
    };
    // A name that cannot be asked for, for whatever reason, is no reason for the proxy to end.
    this.resolveFamily(name, family, abort.signal)
      .catch(() => FAILURE)
      .then(answered);
    return () => abort.abort();
  }

  /** Where no lookup finds anything, the last one says how it went. */
  private async resolveFamily(name: string, family: LookupFamily, signal: AbortSignal): Promise<Resolution> {
    let resolution = FAILURE;
    const lookups = LOOKUPS[family];
    for (const [i, versions] of lookups.entries()) {
      const result = await this.lookUp(name, versions, signal);
      if (signal.aborted) return resolution;
      const { outcome, addresses } = result;
      const failed = outcome === 'timeout' || outcome === 'failed' || outcome === 'bad_name';
      this.count(result, i === lookups.length - 1);
      resolution = { status: failed ? 'failure' : 'completed', addresses, details: DETAILS[outcome] };
      if (addresses.length > 0) break;
    }
    return resolution;
  }

  /** @param last a server that refuses to help then has c-ares make a new channel; we have none, and count it all the same. */
  private count({ outcome, timeouts }: QueryResult, last: boolean): void {
    this.stats.resolveTotal.inc();
    if (outcome === 'not_found' || outcome === 'no_data') this.stats.notFound.inc();
    else if (outcome === 'failed' || outcome === 'bad_name') this.stats.getAddrFailure.inc();
    if (outcome !== 'found') this.stats.timeouts.add(timeouts);
    if (outcome === 'failed' && last) this.stats.reinits.inc();
  }

  private async lookUp(name: string, versions: readonly (4 | 6)[], signal: AbortSignal): Promise<QueryResult> {
    const version = isIP(name);
    // As in c-ares, an IPv4 address is one whatever version is asked for.
    if (version === 4 || (version === 6 && versions.includes(6))) return found([name]);
    if (version === 6) return BAD_NAME;
    const known = versions.flatMap((each) => addressesOfHost(this.hosts.current(), name, each));
    if (known.length > 0) return found(known);
    if (isLocalhost(name)) return NOT_FOUND;
    return isHostname(name) ? await this.search(name, versions, signal) : BAD_NAME;
  }

  /** A system that names nobody but itself names nobody, to Envoy. */
  private servers(system: readonly string[]): readonly string[] {
    const { resolvers, resolversAreFallback } = this.options;
    if (resolvers.length === 0) return system;
    const systemHelps = system.length !== 1 || system[0] !== NOBODY;
    return resolversAreFallback && systemHelps ? system : resolvers;
  }

  /** Tries the name with each search domain, until a server knows one. */
  private async search(name: string, versions: readonly (4 | 6)[], signal: AbortSignal): Promise<QueryResult> {
    const { useTcp, rotate = false, queryTimeout, queryTries, noDefaultSearchDomain } = this.options;
    const system = this.resolvConf.current();
    const options = {
      servers: this.servers(system.servers),
      fared: this.fared,
      rotate,
      useTcp,
      timeout: queryTimeout ?? DEFAULT_TIMEOUT,
      tries: queryTries ?? DEFAULT_TRIES,
      schedule: this.schedule,
    };
    const { search, ndots } = system;
    let result = NOT_FOUND;
    for (const candidate of candidates(name, { search: noDefaultSearchDomain ? [] : search, ndots })) {
      const next = await queryVersions(candidate, versions, options, signal);
      // That a name is there without such addresses says more than that another is not there.
      if (next.outcome !== 'not_found' || result.outcome !== 'no_data') result = next;
      if (next.outcome !== 'not_found' && next.outcome !== 'no_data') break;
    }
    return result;
  }
}

function found(addresses: readonly string[]): QueryResult {
  return { outcome: 'found', addresses: addresses.map((address) => ({ address, ttl: 0 })), timeouts: 0 };
}

/** What c-ares lets into a query: RFC 952 names, and the characters that people use beside those. */
function isHostname(name: string): boolean {
  return name.length <= 255 && /^([\w/*-]{1,63}\.)*[\w/*-]{1,63}\.?$/.test(name);
}
