/**
 * Asks servers for the addresses of one complete name, one after the other, until one helps. Follows c-ares, which Envoy uses: how often a
 * server is tried, how the timeout grows, and which answers send it to the next one.
 */
import type { Packet } from 'dns-packet';
import type { Schedule } from '#base/timers.ts';
import {
  type Exchange,
  type Exchanged,
  exchangeOverTcp,
  exchangeOverUdp,
  type RecordType,
} from '#proxy/upstream/discovery/dns-exchange.ts';
import type { DnsServers } from '#proxy/upstream/discovery/dns-servers.ts';
import type { ResolvedAddress } from '#proxy/upstream/discovery/name-resolver.ts';

export interface QueryOptions {
  /** As `ip:port`. */
  servers: readonly string[];
  /** How they fared. */
  fared: DnsServers;
  /** Any server is asked, not the best. */
  rotate: boolean;
  useTcp: boolean;
  /** Milliseconds for the first round over the servers; it doubles with each round. */
  timeout: number;
  /** Rounds over the servers. */
  tries: number;
  schedule: Schedule;
}

export type QueryOutcome = 'found' | 'no_data' | 'not_found' | 'timeout' | 'failed' | 'bad_name';

export interface QueryResult {
  outcome: QueryOutcome;
  addresses: ResolvedAddress[];
  /** Attempts that nobody answered. */
  timeouts: number;
}

/** Asks for addresses of several versions at once. Once one is found, the others get no further try. */
export async function queryVersions(
  name: string,
  versions: readonly (4 | 6)[],
  options: QueryOptions,
  signal: AbortSignal,
): Promise<QueryResult> {
  let enough = false;
  const goesOn = () => !enough && !signal.aborted;
  const results = await Promise.all(
    versions.map(async (version) => {
      const result = await queryAddresses(name, version === 4 ? 'A' : 'AAAA', options, signal, goesOn);
      enough ||= result.outcome === 'found';
      return result;
    }),
  );
  const outcome = OUTCOMES.find((each) => results.some((result) => result.outcome === each)) ?? 'failed';
  return {
    outcome,
    addresses: results.flatMap(({ addresses }) => addresses),
    timeouts: results.reduce((sum, { timeouts }) => sum + timeouts, 0),
  };
}

/** Where versions differ, the first of these says how it went. */
const OUTCOMES: readonly QueryOutcome[] = ['found', 'failed', 'timeout', 'no_data', 'not_found'];

async function queryAddresses(
  name: string,
  type: RecordType,
  options: QueryOptions,
  signal: AbortSignal,
  goesOn: () => boolean,
): Promise<QueryResult> {
  const { servers, tries, schedule, fared, rotate } = options;
  let outcome: QueryOutcome = 'failed';
  let timeouts = 0;
  for (let attempt = 0; attempt < servers.length * tries && goesOn(); attempt++) {
    const round = Math.floor(attempt / servers.length);
    const server = fared.choose(servers, rotate);
    const exchange = { server, name, type, timeout: options.timeout * 2 ** round, schedule, signal };
    if (attempt === 0) retryServer(exchange, options);
    const answer = await ask(exchange, options);
    if (!signal.aborted) note(server, answer, options);
    if (answer === 'timeout') timeouts++;
    if (typeof answer === 'string') {
      outcome = answer;
      continue;
    }
    if (answer.rcode === 'NXDOMAIN') return { outcome: 'not_found', addresses: [], timeouts };
    if (answer.rcode === 'NOERROR') {
      const addresses = addressesIn(answer, name, type);
      return { outcome: addresses.length > 0 ? 'found' : 'no_data', addresses, timeouts };
    }
    outcome = 'failed';
  }
  return { outcome, addresses: [], timeouts };
}

/** Asks a server that failed before, beside the one that is waited for. */
function retryServer(exchange: Exchange, options: QueryOptions): void {
  const { servers, fared, rotate } = options;
  const server = rotate ? undefined : fared.retry(servers, exchange.server);
  if (server === undefined) return;
  const signal = new AbortController().signal;
  void ask({ ...exchange, server, signal }, options)
    .catch((): Exchanged => 'failed')
    .then((answer) => note(server, answer, options));
}

function note(server: string, answer: Exchanged, { fared }: QueryOptions): void {
  const helped = typeof answer !== 'string' && (answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN');
  if (helped) fared.succeeded(server);
  else fared.failed(server);
}

async function ask(exchange: Exchange, { useTcp }: QueryOptions): Promise<Exchanged> {
  if (useTcp) return await exchangeOverTcp(exchange);
  const answer = await exchangeOverUdp(exchange);
  return typeof answer !== 'string' && answer.flag_tc ? await exchangeOverTcp(exchange) : answer;
}

/** Follows the aliases from the name. An address lives as long as the alias that lives shortest on the way to it. */
function addressesIn({ answers = [] }: Packet, name: string, type: RecordType): ResolvedAddress[] {
  let owner = name.toLowerCase();
  let least = Number.POSITIVE_INFINITY;
  // No more steps than records: aliases may go round in a circle.
  for (let step = 0; step < answers.length; step++) {
    const alias = answers.find((answer) => answer.type === 'CNAME' && answer.name.toLowerCase() === owner);
    if (alias === undefined) break;
    owner = String(alias.data).toLowerCase();
    least = Math.min(least, alias.ttl ?? 0);
  }
  return answers
    .filter((answer) => answer.type === type && answer.name.toLowerCase() === owner)
    .map(({ data, ttl = 0 }) => ({ address: String(data), ttl: Math.min(ttl, least) }));
}
