/**
 * Has the name of the request's host resolved before the router sends it to a cluster of forward proxies. Requests for other clusters pass.
 * Follows extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/dynamic_forward_proxy_filter
 */
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import type { RouteAction } from '#config/model/route.ts';
import { readDnsCache } from '#config/read/dns-cache.ts';
import { honours } from '#config/read/support.ts';
import type {
  FilterConfig,
  PerRouteConfig,
} from '#envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy_pb.js';
import { Continue, type FilterStatus, httpFilter, Stop } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { NameNews } from '#proxy/upstream/dns-cache/worker-dns-caches.ts';
import { wantedHost } from '#proxy/upstream/load-balancer/dynamic-host-balancer.ts';
import { chooseCluster } from '#selection/choose-cluster.ts';
import { splitHostPort } from '#selection/ip-port.ts';
import { rewriteHost } from '#selection/rewrite.ts';

const PACKAGE = 'envoy.extensions.filters.http.dynamic_forward_proxy.v3';
const check = honours(
  `${PACKAGE}.FilterConfig`,
  ['dns_cache_config', 'save_upstream_address', 'allow_dynamic_host_from_filter_state'],
  { refused: { sub_cluster_config: 'names share one cluster: write dns_cache_config' } },
);
const checkRoute = honours(`${PACKAGE}.PerRouteConfig`, ['host_rewrite_literal', 'host_rewrite_header']);

interface Config {
  cache: DnsCacheConfig;
  savesAddress: boolean;
  hostFromFilterState: boolean;
}

interface HostRewrite {
  literal?: string;
  header?: string;
}

/** What it keeps of a stream: how to give up waiting. */
type Waiting = { cancel: () => void } | undefined;

/** Filter state with the address of the host, as Envoy sets it. */
const UPSTREAM_ADDRESS = 'envoy.stream.upstream_address';

export const dynamicForwardProxy = httpFilter({
  name: 'envoy.filters.http.dynamic_forward_proxy',
  message: `${PACKAGE}.FilterConfig`,
  perRoute: {
    message: `${PACKAGE}.PerRouteConfig`,
    config(message: PerRouteConfig, at): HostRewrite {
      checkRoute(message, at);
      const { hostRewriteSpecifier: rewrite } = message;
      if (rewrite.case === 'hostRewriteLiteral') return { literal: rewrite.value };
      return rewrite.case === 'hostRewriteHeader' ? { header: rewrite.value.toLowerCase() } : {};
    },
  },

  config(message: FilterConfig, at, context): Config {
    check(message, at);
    const { implementationSpecifier: chosen } = message;
    if (chosen.case !== 'dnsCacheConfig') throw at.field('dns_cache_config').missing();
    return {
      cache: readDnsCache(chosen.value, at.field('dns_cache_config'), context),
      savesAddress: message.saveUpstreamAddress,
      hostFromFilterState: message.allowDynamicHostFromFilterState,
    };
  },

  request(stream, { name, index, config }): FilterStatus {
    const cluster = forwardingCluster(stream);
    if (cluster === undefined) return Continue;
    useHost(stream, rewriteOf(stream, name));
    // The host that the router will put in its place is the one that is asked.
    const rewritten = rewriteHost(stream.selected?.config.action as RouteAction, stream, '');
    const host = rewritten || stream.host;
    const view = config.hostFromFilterState ? { host, filterState: stream.filterState } : { host };
    const wanted = wantedHost(view, defaultPort(cluster));
    if (wanted === undefined) return Continue;
    const go = (found: NameNews) => settle(stream, cluster, config, wanted, found);
    const found = stream.manager.worker.dnsCaches.load(config.cache, wanted.host, wanted.port, (news) => {
      stream.filters.state[index] = undefined;
      if (stream.finished || stream.responseEnded) return;
      if (go(news)) stream.filters.continueRequest();
    });
    if (found.state === 'pending') {
      stream.filters.state[index] = { cancel: found.cancel } satisfies Waiting;
      return Stop;
    }
    if (found.state !== 'busy') return go(found as NameNews) ? Continue : Stop;
    noteCluster(stream, cluster);
    cluster.stats.upstreamRqPendingOverflow.inc();
    stream.flags |= Flag.UpstreamOverflow;
    const words = 'Dynamic forward proxy pending request overflow';
    sendLocalReply(stream, 503, words, 'dynamic_forward_proxy_pending_request_overflow');
    return Stop;
  },

  end(stream, { index }): void {
    (stream.filters.state[index] as Waiting)?.cancel();
  },
});

/** The route's cluster where it is one of forward proxies. */
function forwardingCluster(stream: HttpStream): Cluster | undefined {
  const action = stream.selected?.config.action;
  if (action?.kind !== 'route') return undefined;
  const { worker } = stream.manager;
  const { name } = chooseCluster(action as RouteAction, stream, stream.random, worker.runtime);
  const cluster = worker.clusters.get(name);
  return cluster?.config.discovery.kind === 'DYNAMIC_FORWARD_PROXY' ? cluster : undefined;
}

function defaultPort({ config }: Cluster): number {
  return config.transport.kind === 'tls' ? 443 : 80;
}

function rewriteOf({ selected, selectedHost }: HttpStream, name: string): HostRewrite | undefined {
  const own = selected?.config.perFilterConfig[name] ?? selectedHost?.config.perFilterConfig[name];
  return own?.config as HostRewrite | undefined;
}

/** What the route says for this filter alone. */
function useHost(stream: HttpStream, rewrite: HostRewrite | undefined): void {
  const host = rewrite?.literal ?? (rewrite?.header === undefined ? '' : stream.requestHeaders.get(rewrite.header));
  if (host) stream.host = host;
}

/** For the access log of an answer that comes from here. */
function noteCluster(stream: HttpStream, { config }: Cluster): void {
  stream.clusterName = config.name;
  stream.cluster = config;
}

/** @returns whether the request goes on; else it was answered */
function settle(
  stream: HttpStream,
  cluster: Cluster,
  config: Config,
  { host, port }: { host: string; port: number },
  { state, details }: NameNews,
): boolean {
  if (state === 'ready') {
    const found = cluster.hosts.find(`${host}:${port}`);
    if (config.savesAddress && found !== undefined) {
      stream.filterState ??= new Map();
      stream.filterState.set(UPSTREAM_ADDRESS, found.addressText);
    }
    return true;
  }
  // Where the router rewrites the host, it is the router that finds none.
  if (state === 'failed' && host !== splitHostPort(stream.host).name) return true;
  noteCluster(stream, cluster);
  if (state === 'overflow') {
    sendLocalReply(stream, 503, 'DNS cache overflow', 'dns_cache_overflow');
  } else {
    stream.flags |= Flag.DnsResolutionFailed;
    sendLocalReply(stream, 503, 'DNS resolution failure', `dns_resolution_failure{${details}}`);
  }
  return false;
}
