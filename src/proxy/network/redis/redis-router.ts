/**
 * Chooses the cluster of a key: by its longest prefix, or the catch-all route.
 * Follows envoy.extensions.filters.network.redis_proxy.v3.RedisProxy.PrefixRoutes.
 */
import type { RedisProxyConfig, RedisRoute } from '#config/model/redis-proxy.ts';
import { RedisCluster } from '#proxy/network/redis/redis-cluster.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** Where a key goes, and as what. */
export interface RoutedKey {
  route: RedisRoute;
  /** Without its prefix, or in another form, as the route says; else the very bytes that were given. */
  key: Buffer;
}

interface PrefixRoute {
  prefix: Buffer;
  route: RedisRoute;
}

const KEY = '%KEY%';

export class RedisRouter {
  private readonly config: RedisProxyConfig;
  private readonly worker: WorkerContext;
  /** The longest first. */
  private readonly prefixes: PrefixRoute[];
  private readonly clusters = new Map<string, RedisCluster>();

  constructor(config: RedisProxyConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const { routes, caseInsensitive, catchAllRoute } = config;
    this.prefixes = routes
      .map((route) => ({ prefix: Buffer.from(caseInsensitive ? route.prefix.toLowerCase() : route.prefix), route }))
      .sort((one, other) => other.prefix.length - one.prefix.length);
    // Their stats are there before the first command.
    for (const { cluster, mirrors, readCluster } of [
      ...routes,
      ...(catchAllRoute === undefined ? [] : [catchAllRoute]),
    ])
      for (const name of [cluster, readCluster, ...mirrors.map((mirror) => mirror.cluster)]) this.cluster(name);
  }

  /** @returns undefined where no route takes the key */
  route(key: Buffer): RoutedKey | undefined {
    const { caseInsensitive, catchAllRoute } = this.config;
    const seen =
      caseInsensitive && this.prefixes.length > 0 ? Buffer.from(key.latin1Slice().toLowerCase(), 'latin1') : key;
    for (const { prefix, route } of this.prefixes) {
      if (seen.length >= prefix.length && prefix.compare(seen, 0, prefix.length) === 0) return rewritten(route, key);
    }
    return catchAllRoute && rewritten(catchAllRoute, key);
  }

  /** @returns undefined where there is no such cluster (any more) */
  cluster(name: string): RedisCluster | undefined {
    const known = this.clusters.get(name);
    if (known !== undefined) return known;
    const found = this.worker.clusters.get(name);
    if (found === undefined) return undefined;
    const cluster = new RedisCluster(found, this.config.settings, () => this.clusters.delete(name));
    this.clusters.set(name, cluster);
    return cluster;
  }

  close(): void {
    for (const cluster of [...this.clusters.values()]) cluster.close();
    this.clusters.clear();
  }
}

function rewritten(route: RedisRoute, key: Buffer): RoutedKey {
  let left = key;
  if (route.removePrefix) left = key.subarray(Buffer.byteLength(route.prefix));
  if (route.keyFormatter === '') return { route, key: left };
  const [before, after] = route.keyFormatter.split(KEY).map((part) => Buffer.from(part));
  return { route, key: Buffer.concat([before, left, after]) };
}
