/**
 * The caches of names as one worker sees them: which names are ready, and who waits for others. The main thread resolves them.
 * Follows Envoy's DnsCacheImpl::ThreadLocalHostInfo.
 */
import type { Clock } from '#base/clock.ts';
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import { dnsCacheStats } from '#proxy/observe/stats/dns-cache-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { DnsNameState } from '#proxy/upstream/dns-cache/dns-cache.ts';
import type { DnsAnswer, DnsQuestion } from '#proxy/upstream/dns-cache/dns-caches.ts';

/** Hears once what became of a name. */
export type NameListener = (name: NameNews) => void;

/** What is known of a name. */
export interface NameNews {
  state: DnsNameState;
  details: string;
}

interface WorkerCache {
  known: Map<string, NameNews>;
  waiting: Map<string, Set<NameListener>>;
  /** How many wait. */
  pending: number;
  /** When the main thread was told last that a name is used. */
  touched: Map<string, number>;
}

/** A name is told to be used this many times in the time that it would be forgotten. */
const TOUCHES = 8;

export class WorkerDnsCaches {
  private readonly caches = new Map<string, WorkerCache>();
  private readonly scope: Scope;
  private readonly clock: Clock;
  private readonly ask: (question: DnsQuestion) => void;

  constructor(scope: Scope, clock: Clock, ask: (question: DnsQuestion) => void) {
    this.scope = scope;
    this.clock = clock;
    this.ask = ask;
  }

  /**
   * Asks for a name.
   * @param done hears later, where `pending` comes back
   * @returns what is known of it; `busy`: too many wait already
   */
  load(
    config: DnsCacheConfig,
    host: string,
    port: number,
    done: NameListener,
  ): NameNews | { state: 'busy' } | { state: 'pending'; cancel: () => void } {
    const cache = this.cache(config.name);
    const key = `${host}:${port}`;
    const known = cache.known.get(key);
    if (known !== undefined) {
      this.touch(config, cache, { key, host, port });
      return known;
    }
    if (cache.pending >= config.maxPendingRequests) {
      dnsCacheStats(this.scope.scope(`dns_cache.${config.name}`), config.maxPendingRequests).dnsRqPendingOverflow.inc();
      return { state: 'busy' };
    }
    let listeners = cache.waiting.get(key);
    const isFirst = listeners === undefined;
    listeners ??= new Set();
    cache.waiting.set(key, listeners);
    listeners.add(done);
    cache.pending++;
    // Where the worker lives on the main thread, the answer may come before this returns.
    if (isFirst) process.nextTick(() => this.ask({ cache: config, key, host, port }));
    return {
      state: 'pending',
      cancel: () => {
        if (cache.waiting.get(key)?.delete(done)) cache.pending--;
      },
    };
  }

  hear({ cache: name, key, state, details }: DnsAnswer): void {
    const cache = this.cache(name);
    if (state === 'ready' || state === 'failed') cache.known.set(key, { state, details });
    else {
      cache.known.delete(key);
      cache.touched.delete(key);
    }
    const listeners = cache.waiting.get(key);
    if (listeners === undefined) return;
    cache.waiting.delete(key);
    cache.pending -= listeners.size;
    for (const listener of listeners) listener({ state, details });
  }

  private touch(config: DnsCacheConfig, { touched }: WorkerCache, name: Omit<DnsQuestion, 'cache'>): void {
    const now = this.clock.now();
    const last = touched.get(name.key) ?? Number.NEGATIVE_INFINITY;
    if (now - last < config.hostTtl / TOUCHES) return;
    touched.set(name.key, now);
    this.ask({ cache: config, ...name });
  }

  private cache(name: string): WorkerCache {
    let cache = this.caches.get(name);
    if (cache === undefined) {
      cache = { known: new Map(), waiting: new Map(), pending: 0, touched: new Map() };
      this.caches.set(name, cache);
    }
    return cache;
  }
}
