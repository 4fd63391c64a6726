/**
 * Takes tags out of stat names: `cluster.a.upstream_rq_200` is `cluster.upstream_rq` of cluster a with response code 200.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-statsconfig and
 * the default tags of Envoy 1.40.
 */
import type { StatsConfig } from '#config/model/snapshot.ts';

export interface Tag {
  name: string;
  value: string;
}

export interface TaggedName {
  /** The name without what the tags took out of it. */
  name: string;
  tags: Tag[];
}

/** What a tag's pattern matches: its first group goes from the name, its last is the value. */
interface TagRule {
  name: string;
  pattern: RegExp;
}

/** An address as listeners use it in their names, or one word; the admin listener's name stays. */
const ADDRESS = String.raw`(?!admin\.)(?:\d+\.\d+\.\d+\.\d+_\d+|\[[0-9a-fA-F_]*\]_\d+|[^.]+)`;

/** Tags that may sit in any stat. They come first among the tags. */
const EVERYWHERE: TagRule[] = [
  { name: 'envoy.response_code', pattern: /_rq(_(\d{3}))$/d },
  { name: 'envoy.response_code_class', pattern: /_rq_(\d)xx$/d },
  { name: 'envoy.ssl_curve', pattern: /^(?:listener|cluster)\..+\.ssl\.curves(\.(.+))$/d },
  { name: 'envoy.ssl_sigalg', pattern: /^(?:listener|cluster)\..+\.ssl\.sigalgs(\.(.+))$/d },
  { name: 'envoy.ssl_version', pattern: /^(?:listener|cluster)\..+\.ssl\.versions(\.(.+))$/d },
  { name: 'envoy.tls_certificate', pattern: /^.+\.ssl\.certificate(\.(.+))\.[^.]+$/d },
  {
    name: 'envoy.worker_id',
    pattern: RegExp(
      `^(?:server|listener_manager|thread_local_cluster_manager|listener\\.${ADDRESS})\\.worker(_(\\d+))\\.`,
      'd',
    ),
  },
];

/** Tags by the first word of the name, in the order in which they are shown. */
const BY_FIRST_WORD: TagRule[] = [
  { name: 'envoy.grpc_bridge_method', pattern: /^cluster\..+?\.grpc\..+\.(([^.]+)\.)\w+$/d },
  { name: 'envoy.http_user_agent', pattern: /^http\.[^.]+\.user_agent\.(([^.]+)\.)\w+$/d },
  { name: 'envoy.virtual_cluster', pattern: /^vhost\.[^.]+\.vcluster\.(([^.]+)\.)\w+$/d },
  { name: 'envoy.fault_downstream_cluster', pattern: /^http\.[^.]+\.fault\.((.+?)\.)\w+$/d },
  { name: 'envoy.ssl_cipher', pattern: /^listener\..+\.ssl\.ciphers(\.([^.]+))$/d },
  { name: 'cipher_suite', pattern: /^cluster\.[^.]+\.ssl\.ciphers(\.([^.]+))$/d },
  { name: 'envoy.grpc_bridge_service', pattern: /^cluster\..+?\.grpc\.((.+?)\.)/d },
  { name: 'envoy.tcp_prefix', pattern: /^tcp\.(([^.]+)\.)/d },
  { name: 'envoy.udp_prefix', pattern: /^udp\.(([^.]+)\.)/d },
  { name: 'envoy.clientssl_prefix', pattern: /^auth\.clientssl\.(([^.]+)\.)/d },
  { name: 'envoy.ratelimit_prefix', pattern: /^ratelimit\.(([^.]+)\.)/d },
  { name: 'envoy.cluster_name', pattern: /^cluster\.((.+)\.)(?=endpoint\.)/d },
  { name: 'envoy.cluster_name', pattern: /^cluster\.((?!.+\.endpoint\.)([^.]+)\.)/d },
  { name: 'envoy.endpoint_address', pattern: /^cluster\..+\.endpoint(\.(.+))\.[^.]+$/d },
  { name: 'envoy.http_conn_manager_prefix', pattern: /^listener\..+?\.http\.(([^.]+)\.)/d },
  { name: 'envoy.http_conn_manager_prefix', pattern: /^http\.(([^.]+)\.)/d },
  { name: 'envoy.listener_address', pattern: RegExp(`^listener\\.((${ADDRESS})\\.)`, 'd') },
  { name: 'envoy.virtual_host', pattern: /^vhost\.(([^.]+)\.)/d },
  { name: 'envoy.route', pattern: /^vhost\.[^.]+\.route\.(([^.]+)\.)\w+$/d },
  { name: 'envoy.mongo_prefix', pattern: /^mongo\.(([^.]+)\.)/d },
  { name: 'envoy.rds_route_config', pattern: /^http\.[^.]+\.rds\.((.+?)\.)\w+$/d },
  { name: 'envoy.scoped_rds_config', pattern: /^http\.[^.]+\.scoped_rds\.((.+?)\.)\w+$/d },
  { name: 'envoy.thrift_prefix', pattern: /^thrift\.(([^.]+)\.)/d },
  { name: 'envoy.redis_prefix', pattern: /^redis\.(([^.]+)\.)/d },
  { name: 'envoy.connection_limit_prefix', pattern: /^connection_limit\.(([^.]+)\.)/d },
  { name: 'envoy.local_http_ratelimit_prefix', pattern: /^(([^.]+)\.)http_local_rate_limit\./d },
  { name: 'envoy.local_network_ratelimit_prefix', pattern: /^local_rate_limit\.(([^.]+)\.)/d },
  { name: 'envoy.local_listener_ratelimit_prefix', pattern: /^listener_local_ratelimit\.(([^.]+)\.)/d },
  { name: 'envoy.dns_filter_prefix', pattern: /^dns_filter\.(([^.]+)\.)/d },
  { name: 'envoy.google_grpc_client_prefix', pattern: /^grpc\.(([^.]+)\.)/d },
];

/** The tags' part of stats_config, with the tags of the command line. */
export type TagOptions = Pick<StatsConfig, 'tags' | 'useAllDefaultTags'> &
  Partial<Pick<StatsConfig, 'allowDefaultTagOverrides'>> & { commandLine?: readonly Tag[] };

export class TagExtractor {
  readonly #first: TagRule[] = [];
  readonly #fixed: Tag[] = [];
  readonly #last: TagRule[] = [];

  constructor({ tags, useAllDefaultTags, allowDefaultTagOverrides = false, commandLine = [] }: TagOptions) {
    const asked = new Set(tags.filter((tag) => tag.regex === undefined).map((tag) => tag.tagName));
    // A fixed value holds in any case; an expression only where it may override.
    const replaced = new Set(
      tags
        .filter((tag) => tag.fixedValue !== undefined || (tag.regex && allowDefaultTagOverrides))
        .map((tag) => tag.tagName),
    );
    const wanted = (rule: TagRule) => (useAllDefaultTags || asked.has(rule.name)) && !replaced.has(rule.name);
    this.#first.push(...EVERYWHERE.filter(wanted));
    this.#last.push(...BY_FIRST_WORD.filter(wanted));
    this.#fixed.push(...commandLine);
    for (const { tagName, regex, fixedValue } of tags) {
      if (fixedValue !== undefined) {
        if (!this.#fixed.some((tag) => tag.name === tagName)) this.#fixed.push({ name: tagName, value: fixedValue });
      }
      // Envoy runs those with a first word of their own after those that look everywhere.
      else if (regex)
        (/^\^\w+\\\./.test(regex) ? this.#last : this.#first).push({ name: tagName, pattern: RegExp(regex, 'd') });
    }
  }

  extract(name: string): TaggedName {
    const tags: Tag[] = [];
    const taken: [number, number][] = [];
    for (const rule of this.#first) take(rule, name, tags, taken);
    tags.push(...this.#fixed);
    for (const rule of this.#last) take(rule, name, tags, taken);
    return { name: without(name, taken), tags };
  }
}

/** The first to find a tag of some name has it. */
function take(rule: TagRule, name: string, tags: Tag[], taken: [number, number][]): void {
  if (tags.some((tag) => tag.name === rule.name)) return;
  const match = rule.pattern.exec(name);
  const removed = match?.indices?.[1];
  if (match === null || removed === undefined) return;
  const value = match[2] ?? match[1];
  tags.push({
    name: rule.name,
    value: rule.name === 'envoy.endpoint_address' ? value.replace(/_(\d+)$/, ':$1') : value,
  });
  taken.push(removed);
}

/** The name without the ranges, which may overlap. */
function without(name: string, ranges: [number, number][]): string {
  if (ranges.length === 0) return name;
  ranges.sort((a, b) => a[0] - b[0]);
  let kept = '';
  let at = 0;
  for (const [start, end] of ranges) {
    if (start > at) kept += name.slice(at, start);
    at = Math.max(at, end);
  }
  return kept + name.slice(at);
}
