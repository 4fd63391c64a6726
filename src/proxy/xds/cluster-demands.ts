/**
 * ODCDS: clusters that are fetched when a request wants to go to them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
import { type ConfigSource, sourceKey } from '#config/model/config-source.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import { ClusterDiscovery, type ClusterDiscoveryParts } from '#proxy/xds/cluster-discovery.ts';
import type { DiscoveryUpdate } from '#proxy/xds/subscription.ts';

/** So many names that nobody has are remembered, and followed at the server: clients can make up names without end. */
const ABSENT_LIMIT = 10_000;

export interface ClusterDemandsParts extends Pick<ClusterDiscoveryParts, 'clusters' | 'context' | 'bind'> {
  /** Tells all workers. */
  tell: (message: ToWorker) => void;
}

/** The clusters of one source. */
interface Feed {
  discovery: ClusterDiscovery;
  names: Set<string>;
  /** Of these names there is no cluster, as far as is known. */
  without: Set<string>;
  /** Of these the server says so. */
  missing: Set<string>;
}

export class ClusterDemands {
  private readonly parts: ClusterDemandsParts;
  private readonly feeds = new Map<string, Feed>();

  constructor(parts: ClusterDemandsParts) {
    this.parts = parts;
    parts.clusters.onChange((name, cluster) => {
      if (cluster === undefined) return;
      for (const [key, { names, without, missing }] of this.feeds) {
        without.delete(name);
        missing.delete(name);
        if (names.has(name)) this.answer(key, name);
      }
    });
  }

  /** A request wants a cluster that its worker does not have. Workers are told when it serves, or cannot be had. */
  demand(source: ConfigSource, name: string): void {
    const key = sourceKey(source);
    const feed = this.feeds.get(key) ?? this.open(key, source);
    if (this.parts.clusters.get(name) !== undefined || feed.missing.has(name)) return this.answer(key, name);
    if (feed.names.has(name)) return;
    feed.names.add(name);
    feed.without.add(name);
    if (feed.names.size === 1) feed.discovery.start(() => {}, new Set(feed.names));
    else feed.discovery.change([name], this.forgetOldest(feed));
  }

  private open(key: string, source: ConfigSource): Feed {
    const onDemand = (update: DiscoveryUpdate) => this.onUpdate(key, update);
    const feed: Feed = {
      discovery: new ClusterDiscovery({ ...this.parts, source, onDemand }),
      names: new Set(),
      without: new Set(),
      missing: new Set(),
    };
    this.feeds.set(key, feed);
    return feed;
  }

  private onUpdate(key: string, { removed }: DiscoveryUpdate): void {
    const feed = this.feeds.get(key);
    for (const name of removed) {
      if (feed?.names.has(name) !== true) continue;
      feed.without.add(name);
      feed.missing.add(name);
      this.answer(key, name);
    }
  }

  /** @returns the names that are forgotten */
  private forgetOldest({ names, without, missing }: Feed): string[] {
    const forgotten: string[] = [];
    for (const name of without) {
      if (without.size <= ABSENT_LIMIT) break;
      names.delete(name);
      without.delete(name);
      missing.delete(name);
      forgotten.push(name);
    }
    return forgotten;
  }

  private answer(key: string, name: string): void {
    this.parts.tell({ kind: 'route_answer', question: { kind: 'cluster', key, name } });
  }

  stop(): void {
    for (const { discovery } of this.feeds.values()) discovery.stop();
  }
}
