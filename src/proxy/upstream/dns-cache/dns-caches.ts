/**
 * The caches of names of the whole server, by name: whoever configures one of the same name shares it.
 * Follows Envoy's DnsCacheManager.
 */
import { systemRandom } from '#base/random.ts';
import { systemSchedule } from '#base/timers.ts';
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { SystemResolver } from '#proxy/upstream/discovery/system-resolver.ts';
import { DnsCache, type DnsNameState } from '#proxy/upstream/dns-cache/dns-cache.ts';

/** What a worker asks of a cache: that it resolves a name, or keeps it. */
export interface DnsQuestion {
  cache: DnsCacheConfig;
  key: string;
  host: string;
  port: number;
}

/** What workers are told of a name. */
export interface DnsAnswer {
  cache: string;
  key: string;
  state: DnsNameState;
  /** How the name was resolved, in Envoy's words. */
  details: string;
}

export class DnsCaches {
  private readonly caches = new Map<string, DnsCache>();
  private readonly root: Scope;
  private readonly tell: (answer: DnsAnswer) => void;

  /** @param tell tells all workers */
  constructor(root: Scope, tell: (answer: DnsAnswer) => void) {
    this.root = root;
    this.tell = tell;
  }

  get(config: DnsCacheConfig): DnsCache {
    const { name } = config;
    let cache = this.caches.get(name);
    if (cache === undefined) {
      cache = new DnsCache(config, {
        root: this.root,
        resolver: new SystemResolver(config.dns, this.root, { schedule: systemSchedule }),
        schedule: systemSchedule,
        random: systemRandom,
        clock,
        announce: (key, state, details) => this.tell({ cache: name, key, state, details }),
      });
      this.caches.set(name, cache);
    }
    return cache;
  }

  ask({ cache, key, host, port }: DnsQuestion): void {
    this.get(cache).ask(key, host, port);
  }

  stop(): void {
    for (const cache of this.caches.values()) cache.stop();
  }
}
