/**
 * Answers DNS: names of its own table at once, others by asking.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/dns_filter
 */
import { isIPv4, isIPv6 } from 'node:net';
import { systemSchedule } from '#base/timers.ts';
import type { DnsDomain, DnsFilterClient, DnsFilterConfig } from '#config/model/dns-filter.ts';
import type { Datagram, DatagramSocket, Peer } from '#proxy/transport/datagrams/datagram-socket.ts';
import { writeSocketName } from '#proxy/transport/datagrams/socket-name.ts';
import { dnsFilterStats } from '#proxy/udp/dns-filter-stats.ts';
import type { UdpFilterInUse, UdpFilterParts } from '#proxy/udp/udp-filter.ts';
import { SystemResolver } from '#proxy/upstream/discovery/system-resolver.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import {
  type DnsQuestion,
  encodeDnsAnswer,
  encodeDnsRefusal,
  Rcode,
  RecordType,
  readDnsQuestion,
} from '#wire/dns/dns-message.ts';

/** Envoy's: more addresses than this are not returned. */
const MOST_ANSWERS = 8;
const EXTERNAL_TTL = 300;

const ignored = { onSent() {}, onSendFailed() {} };

/** Somebody waits for an answer. */
interface Asker {
  question: DnsQuestion;
  peer: Peer;
  socket: DatagramSocket;
}

export class DnsFilter implements UdpFilterInUse {
  private readonly worker: WorkerContext;
  private readonly stats: ReturnType<typeof dnsFilterStats>;
  private readonly caseInsensitive: boolean;
  private readonly domains = new Map<string, DnsDomain>();
  /** What the names of domains end with. */
  private readonly knownSuffixes = new Set<string>();
  private readonly client: DnsFilterClient | undefined;
  private readonly resolver: SystemResolver | undefined;
  /** How to give up each lookup that is under way. */
  private readonly lookups = new Set<() => void>();

  constructor(config: DnsFilterConfig, { worker }: UdpFilterParts) {
    this.worker = worker;
    this.stats = dnsFilterStats(worker.scope.scope(`dns_filter.${config.statPrefix}`));
    this.caseInsensitive = config.caseInsensitive;
    for (const domain of config.domains) {
      this.domains.set(this.keyOf(domain.name), domain);
      this.knownSuffixes.add(suffixOf(this.keyOf(domain.name)));
    }
    this.client = config.client;
    this.resolver =
      config.client && new SystemResolver(config.client.resolver, worker.scope, { schedule: systemSchedule });
  }

  onDatagram(datagram: Datagram, socket: DatagramSocket): void {
    const { stats } = this;
    stats.rxQueries.inc();
    stats.rxBytes.record(datagram.length);
    const read = readDnsQuestion(datagram.bytes());
    if ('failure' in read) {
      stats.rxInvalidQueries.inc();
      if (read.failure === 'short') stats.bufferUnderflow.inc();
      if (read.failure === 'question') stats.parsingFailure.inc();
      if (read.failure === 'records') stats.withAnswersOrAuthority.inc();
      return this.send(socket, datagram.peer(), encodeDnsRefusal(read, this.client !== undefined));
    }
    if (read.hasAdditional) stats.withAdditional.inc();
    this.answer({ question: read, peer: datagram.peer(), socket });
  }

  onReadError(): void {
    this.stats.rxErrors.inc();
  }

  close(): void {
    for (const cancel of this.lookups) cancel();
    this.lookups.clear();
  }

  private keyOf(name: string): string {
    return this.caseInsensitive ? name.toLowerCase() : name;
  }

  private answer(asker: Asker): void {
    const { stats } = this;
    const { type, name } = asker.question;
    if (type === RecordType.A) stats.aQueries.inc();
    else if (type === RecordType.AAAA) stats.aaaaQueries.inc();
    else if (type === RecordType.SRV) stats.srvQueries.inc();
    const domain = this.domainOf(this.keyOf(name));
    if (this.knownSuffixes.has(suffixOf(this.keyOf(name)))) stats.knownDomainQueries.inc();
    if (type !== RecordType.A && type !== RecordType.AAAA) return this.refuse(asker);
    if (domain !== undefined && this.answerFrom(domain, asker)) return;
    this.askOthers(asker);
  }

  /** A type that there are no records of. */
  private refuse(asker: Asker): void {
    const { stats } = this;
    if (this.client !== undefined) {
      stats.externallyResolvedQueries.inc();
      stats.externalUnsupportedQueries.inc();
    }
    if (asker.question.type === RecordType.SRV) return this.reply(asker, Rcode.NameError, [], 0);
    stats.unsupportedQueries.inc();
    this.reply(asker, Rcode.NotImplemented, [], 0);
  }

  /** The domain of a name: its own, or the nearest whose names may be anything. */
  private domainOf(name: string): DnsDomain | undefined {
    const own = this.domains.get(name);
    if (own !== undefined) return own;
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const domain = this.domains.get(`*${name.slice(dot)}`);
      if (domain !== undefined) return domain;
    }
    return undefined;
  }

  /** @returns false where others have to be asked */
  private answerFrom({ endpoint, ttl }: DnsDomain, asker: Asker): boolean {
    const { stats } = this;
    const v4 = asker.question.type === RecordType.A;
    if (endpoint.kind === 'addresses') {
      if (endpoint.addresses.length === 0) return false;
      const addresses = endpoint.addresses.filter(v4 ? isIPv4 : isIPv6);
      stats[v4 ? 'localAAnswers' : 'localAaaaAnswers'].add(addresses.length);
      this.reply(asker, addresses.length === 0 ? Rcode.NameError : Rcode.NoError, addresses, ttl);
      return true;
    }
    const addresses: string[] = [];
    for (const { address } of this.worker.clusters.get(endpoint.cluster)?.hosts.hosts() ?? []) {
      if (address.kind === 'ip' && isIPv4(address.address) === v4) addresses.push(address.address);
    }
    if (addresses.length === 0) return false;
    stats[v4 ? 'clusterAAnswers' : 'clusterAaaaAnswers'].add(addresses.length);
    this.reply(asker, Rcode.NoError, addresses, ttl);
    return true;
  }

  private askOthers(asker: Asker): void {
    const { client, stats } = this;
    if (client === undefined) return this.reply(asker, Rcode.NameError, [], 0);
    stats.externallyResolvedQueries.inc();
    stats[asker.question.type === RecordType.A ? 'externalAQueries' : 'externalAaaaQueries'].inc();
    if (this.lookups.size >= client.maxPendingLookups) return this.reply(asker, Rcode.NameError, [], 0);
    this.lookUp(asker, client.retries);
  }

  private lookUp(asker: Asker, retries: number): void {
    const { timeout } = this.client as DnsFilterClient;
    const v4 = asker.question.type === RecordType.A;
    let stopTimeout = () => {};
    let stopLookup = () => {};
    const cancel = () => {
      stopTimeout();
      stopLookup();
    };
    const done = (addresses: string[] | undefined) => {
      cancel();
      this.lookups.delete(cancel);
      if (addresses === undefined && retries > 0) return this.lookUp(asker, retries - 1);
      const found = addresses ?? [];
      this.stats[v4 ? 'externalAAnswers' : 'externalAaaaAnswers'].add(found.length);
      this.reply(asker, found.length === 0 ? Rcode.NameError : Rcode.NoError, found, EXTERNAL_TTL);
    };
    this.lookups.add(cancel);
    stopTimeout = systemSchedule(timeout, () => done(undefined));
    stopLookup = (this.resolver as SystemResolver).resolve(
      asker.question.name,
      v4 ? 'V4_ONLY' : 'V6_ONLY',
      ({ status, addresses }) => done(status === 'failure' ? [] : addresses.map(({ address }) => address)),
    );
  }

  /** @param addresses of the type that was asked for: a few of them, beginning anywhere, so that all have their turn */
  private reply({ question, peer, socket }: Asker, rcode: number, addresses: readonly string[], ttl: number): void {
    if (addresses.length === 0) this.stats.unansweredQueries.inc();
    const start = addresses.length === 0 ? 0 : this.worker.random.uint32() % addresses.length;
    const turned = [...addresses.slice(start), ...addresses.slice(0, start)].slice(0, MOST_ANSWERS);
    const records = turned.map((address) => ({ ttl, data: addressBytes(address) }));
    this.send(socket, peer, encodeDnsAnswer(question, rcode, records, this.client !== undefined));
  }

  private send(socket: DatagramSocket, peer: Peer, bytes: Buffer): void {
    this.stats.txResponses.inc();
    this.stats.txBytes.record(bytes.length);
    socket.send(bytes, peer, ignored);
  }
}

/** The last two labels of a name. */
function suffixOf(name: string): string {
  return name.split('.').slice(-2).join('.');
}

function addressBytes(address: string): Buffer {
  const name = Buffer.alloc(28);
  return writeSocketName(name, address, 0) === name.length ? name.subarray(8, 24) : name.subarray(4, 8);
}
