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
  /** The server says that there are none of these names. */
  missing: Set<string>;
}

export class ClusterDemands {
  private readonly parts: ClusterDemandsParts;
  private readonly feeds = new Map<string, Feed>();

  constructor(parts: ClusterDemandsParts) {
    this.parts = parts;
    parts.clusters.onChange((name, cluster) => {
      if (cluster === undefined) return;
      for (const [key, { names, missing }] of this.feeds) {
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
    this.forgetOldest(feed);
    if (feed.names.size === 1) feed.discovery.start(() => {}, new Set(feed.names));
    else feed.discovery.setNames(new Set(feed.names));
  }

  private open(key: string, source: ConfigSource): Feed {
    const onDemand = (update: DiscoveryUpdate) => this.onUpdate(key, update);
    const feed: Feed = {
      discovery: new ClusterDiscovery({ ...this.parts, source, onDemand }),
      names: new Set(),
      missing: new Set(),
    };
    this.feeds.set(key, feed);
    return feed;
  }

  private onUpdate(key: string, { removed }: DiscoveryUpdate): void {
    const feed = this.feeds.get(key);
    for (const name of removed) {
      feed?.missing.add(name);
      this.answer(key, name);
    }
  }

  private forgetOldest({ names, missing }: Feed): void {
    for (const name of names) {
      if (names.size <= ABSENT_LIMIT) return;
      if (this.parts.clusters.get(name) !== undefined) continue;
      names.delete(name);
      missing.delete(name);
    }
  }

  private answer(key: string, name: string): void {
    this.parts.tell({ kind: 'route_answer', question: { kind: 'cluster', key, name } });
  }

  stop(): void {
    for (const { discovery } of this.feeds.values()) discovery.stop();
  }
}
