/**
 * Names that requests gave, on the main thread: each is resolved when it is first asked for, again as its answer says, and forgotten when
 * nobody has asked for it for long.
 * Follows extensions.common.dynamic_forward_proxy.v3.DnsCacheConfig and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter#statistics
 */
import type { Clock } from '#base/clock.ts';
import type { Random } from '#base/random.ts';
import type { Schedule } from '#base/timers.ts';
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import { type DnsCacheStats, dnsCacheStats } from '#proxy/observe/stats/dns-cache-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { NameResolver, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { RefreshRate } from '#proxy/upstream/discovery/refresh-rate.ts';

/** A name with its port, as far as it is known. */
export interface CachedName {
  /** `host:port`. */
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Empty: it could not be resolved yet. */
  addresses: readonly string[];
}

export interface DnsCacheParts {
  root: Scope;
  resolver: NameResolver;
  schedule: Schedule;
  random: Random;
  clock: Clock;
  /** A name was resolved or could not be, and why; or it is gone, or there is no room for it. */
  announce(key: string, state: DnsNameState, details: string): void;
}

export type DnsNameState = 'ready' | 'failed' | 'gone' | 'overflow';

interface Entry extends CachedName {
  rate: RefreshRate;
  lastUsed: number;
  /** The first answer is there, good or bad. */
  answered: boolean;
  /** How the last query went. */
  details: string;
  /** Gives up what it waits for. */
  cancel: () => void;
}

export class DnsCache {
  readonly config: DnsCacheConfig;
  private readonly parts: DnsCacheParts;
  private readonly stats: DnsCacheStats;
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Set<() => void>();

  constructor(config: DnsCacheConfig, parts: DnsCacheParts) {
    this.config = config;
    this.parts = parts;
    this.stats = dnsCacheStats(parts.root.scope(`dns_cache.${config.name}`), config.maxPendingRequests);
    for (const { host, port } of config.preresolved) this.ask(`${host}:${port}`, host, port);
  }

  /** Names with addresses. */
  names(): CachedName[] {
    return [...this.entries.values()].filter(({ addresses }) => addresses.length > 0);
  }

  /** Calls back when names or their addresses change, before anybody is told that a name is ready. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** A worker wants the name, or still wants it. */
  ask(key: string, host: string, port: number): void {
    const { clock, random, announce } = this.parts;
    const known = this.entries.get(key);
    if (known !== undefined) {
      known.lastUsed = clock.now();
      if (known.answered) announce(key, known.addresses.length > 0 ? 'ready' : 'failed', known.details);
      return;
    }
    if (this.entries.size >= this.config.maxHosts) {
      this.stats.hostOverflow.inc();
      return announce(key, 'overflow', '');
    }
    const entry: Entry = {
      key,
      host,
      port,
      addresses: [],
      rate: new RefreshRate(this.config.dns, random),
      lastUsed: clock.now(),
      answered: false,
      details: '',
      cancel: () => {},
    };
    this.entries.set(key, entry);
    this.stats.hostAdded.inc();
    this.stats.numHosts.set(this.entries.size);
    this.resolve(entry);
  }

  /** A worker uses the name. */
  touch(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) entry.lastUsed = this.parts.clock.now();
  }

  stop(): void {
    for (const { cancel } of this.entries.values()) cancel();
  }

  private resolve(entry: Entry): void {
    const { resolver, schedule } = this.parts;
    const { dns, queryTimeout } = this.config;
    this.stats.dnsQueryAttempt.inc();
    let stopQuery = () => {};
    const stopTimer = schedule(queryTimeout, () => {
      stopQuery();
      this.stats.dnsQueryTimeout.inc();
      this.onResolved(entry, {
        status: 'failure',
        addresses: [],
        details: 'cares_failure:Timeout_while_contacting_DNS_servers',
      });
    });
    entry.cancel = () => {
      stopTimer();
      stopQuery();
    };
    stopQuery = resolver.resolve(entry.host, dns.lookupFamily, (resolution) => {
      stopTimer();
      this.onResolved(entry, resolution);
    });
  }

  private onResolved(entry: Entry, { status, addresses: answers, details = '' }: Resolution): void {
    const isGood = status === 'completed' && answers.length > 0;
    // That there is no such name is an answer too.
    if (status === 'completed') this.stats.dnsQuerySuccess.inc();
    else this.stats.dnsQueryFailure.inc();
    entry.details = details;
    const addresses = answers.map(({ address }) => address);
    if (isGood && addresses.join() !== entry.addresses.join()) {
      entry.addresses = addresses;
      this.stats.hostAddressChanged.inc();
      for (const listener of [...this.listeners]) listener();
    }
    if (!entry.answered || isGood) {
      entry.answered = true;
      this.parts.announce(entry.key, entry.addresses.length > 0 ? 'ready' : 'failed', details);
    }
    if (!isGood && !this.config.refreshesFailures && entry.addresses.length === 0) return this.remove(entry);
    this.refreshAfter(entry, isGood ? this.goodFor(answers[0].ttl) : entry.rate.afterFailure());
  }

  /** @param ttl in seconds, 0 where none is known. @returns milliseconds */
  private goodFor(ttl: number): number {
    const { dns, minRefreshRate } = this.config;
    return Math.max(minRefreshRate, ttl > 0 ? ttl * 1000 : dns.refreshRate);
  }

  private refreshAfter(entry: Entry, delay: number): void {
    entry.cancel = this.parts.schedule(delay, () => {
      const isForgotten = this.parts.clock.now() - entry.lastUsed >= this.config.hostTtl;
      if (isForgotten) this.remove(entry);
      else this.resolve(entry);
    });
  }

  private remove(entry: Entry): void {
    if (this.entries.get(entry.key) !== entry) return;
    this.entries.delete(entry.key);
    this.stats.hostRemoved.inc();
    this.stats.numHosts.set(this.entries.size);
    for (const listener of [...this.listeners]) listener();
    this.parts.announce(entry.key, 'gone', '');
  }
}
