/**
 * Takes tags out of stat names: `cluster.a.upstream_rq_200` is `cluster.upstream_rq` of cluster a with response code 200.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-statsconfig and
 * the default tags of Envoy 1.40.
 */
import type { StatsConfig } from '#config/model/snapshot.ts';
import { stdRegex } from '#config/syntax/std-regex.ts';

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
  /** What a name must hold for the pattern to match: looking for it costs less, and most names do not have it. */
  within?: string;
  /** The first word of names that it can match; undefined: any. */
  word?: string;
}

/** An address as listeners use it in their names, or one word; the admin listener's name stays. */
const ADDRESS = String.raw`(?!admin\.)(?:\d+\.\d+\.\d+\.\d+_\d+|\[[0-9a-fA-F_]*\]_\d+|[^.]+)`;

/** Tags that may sit in any stat. They come first among the tags. */
const EVERYWHERE: TagRule[] = [
  { name: 'envoy.response_code', pattern: /_rq(_(\d{3}))$/d, within: '_rq_' },
  { name: 'envoy.response_code_class', pattern: /_rq_(\d)xx$/d, within: '_rq_' },
  { name: 'envoy.ssl_curve', pattern: /^(?:listener|cluster)\..+\.ssl\.curves(\.(.+))$/d, within: '.ssl.curves.' },
  { name: 'envoy.ssl_sigalg', pattern: /^(?:listener|cluster)\..+\.ssl\.sigalgs(\.(.+))$/d, within: '.ssl.sigalgs.' },
  {
    name: 'envoy.ssl_version',
    pattern: /^(?:listener|cluster)\..+\.ssl\.versions(\.(.+))$/d,
    within: '.ssl.versions.',
  },
  { name: 'envoy.tls_certificate', pattern: /^.+\.ssl\.certificate(\.(.+))\.[^.]+$/d, within: '.ssl.certificate.' },
  {
    name: 'envoy.worker_id',
    pattern: RegExp(
      `^(?:server|listener_manager|thread_local_cluster_manager|listener\\.${ADDRESS})\\.worker(_(\\d+))\\.`,
      'd',
    ),
    within: '.worker_',
  },
];

/** Tags by the first word of the name, in the order in which they are shown. */
const BY_FIRST_WORD: TagRule[] = [
  { name: 'envoy.grpc_bridge_method', pattern: /^cluster\..+?\.grpc\..+\.(([^.]+)\.)\w+$/d, within: '.grpc.' },
  { name: 'envoy.http_user_agent', pattern: /^http\.[^.]+\.user_agent\.(([^.]+)\.)\w+$/d, within: '.user_agent.' },
  { name: 'envoy.virtual_cluster', pattern: /^vhost\.[^.]+\.vcluster\.(([^.]+)\.)\w+$/d, within: '.vcluster.' },
  { name: 'envoy.fault_downstream_cluster', pattern: /^http\.[^.]+\.fault\.((.+?)\.)\w+$/d, within: '.fault.' },
  { name: 'envoy.ssl_cipher', pattern: /^listener\..+\.ssl\.ciphers(\.([^.]+))$/d, within: '.ssl.ciphers.' },
  { name: 'cipher_suite', pattern: /^cluster\.[^.]+\.ssl\.ciphers(\.([^.]+))$/d, within: '.ssl.ciphers.' },
  { name: 'envoy.grpc_bridge_service', pattern: /^cluster\..+?\.grpc\.((.+?)\.)/d, within: '.grpc.' },
  { name: 'envoy.tcp_prefix', pattern: /^tcp\.(([^.]+)\.)/d },
  { name: 'envoy.udp_prefix', pattern: /^udp\.(([^.]+)\.)/d },
  { name: 'envoy.clientssl_prefix', pattern: /^auth\.clientssl\.(([^.]+)\.)/d },
  { name: 'envoy.ratelimit_prefix', pattern: /^ratelimit\.(([^.]+)\.)/d },
  { name: 'envoy.cluster_name', pattern: /^cluster\.((.+)\.)(?=endpoint\.)/d, within: '.endpoint.' },
  { name: 'envoy.cluster_name', pattern: /^cluster\.((?!.+\.endpoint\.)([^.]+)\.)/d },
  { name: 'envoy.endpoint_address', pattern: /^cluster\..+\.endpoint(\.(.+))\.[^.]+$/d, within: '.endpoint.' },
  { name: 'envoy.http_conn_manager_prefix', pattern: /^listener\..+?\.http\.(([^.]+)\.)/d, within: '.http.' },
  { name: 'envoy.http_conn_manager_prefix', pattern: /^http\.(([^.]+)\.)/d },
  { name: 'envoy.listener_address', pattern: RegExp(`^listener\\.((${ADDRESS})\\.)`, 'd') },
  { name: 'envoy.virtual_host', pattern: /^vhost\.(([^.]+)\.)/d },
  { name: 'envoy.route', pattern: /^vhost\.[^.]+\.route\.(([^.]+)\.)\w+$/d, within: '.route.' },
  { name: 'envoy.mongo_prefix', pattern: /^mongo\.(([^.]+)\.)/d },
  { name: 'envoy.rds_route_config', pattern: /^http\.[^.]+\.rds\.((.+?)\.)\w+$/d, within: '.rds.' },
  { name: 'envoy.scoped_rds_config', pattern: /^http\.[^.]+\.scoped_rds\.((.+?)\.)\w+$/d, within: '.scoped_rds.' },
  { name: 'envoy.thrift_prefix', pattern: /^thrift\.(([^.]+)\.)/d },
  { name: 'envoy.redis_prefix', pattern: /^redis\.(([^.]+)\.)/d },
  { name: 'envoy.connection_limit_prefix', pattern: /^connection_limit\.(([^.]+)\.)/d },
  {
    name: 'envoy.local_http_ratelimit_prefix',
    pattern: /^(([^.]+)\.)http_local_rate_limit\./d,
    within: '.http_local_rate_limit.',
  },
  { name: 'envoy.local_network_ratelimit_prefix', pattern: /^local_rate_limit\.(([^.]+)\.)/d },
  { name: 'envoy.local_listener_ratelimit_prefix', pattern: /^listener_local_ratelimit\.(([^.]+)\.)/d },
  { name: 'envoy.dns_filter_prefix', pattern: /^dns_filter\.(([^.]+)\.)/d },
  { name: 'envoy.google_grpc_client_prefix', pattern: /^grpc\.(([^.]+)\.)/d },
];

/** Envoy makes these before it knows of tags. */
const EARLY = /^(?:filesystem\.|server\.hot_restart_generation$)/;

/** The tags' part of stats_config, with the tags of the command line. */
export type TagOptions = Pick<StatsConfig, 'tags' | 'useAllDefaultTags'> &
  Partial<Pick<StatsConfig, 'allowDefaultTagOverrides'>> & { commandLine?: readonly Tag[] };

export class TagExtractor {
  readonly #first: TagRule[] = [];
  readonly #fixed: Tag[] = [];
  readonly #last: TagRule[] = [];
  /** Those of the last that a name may match, by its first word. */
  readonly #lastByWord = new Map<string, TagRule[]>();

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
    this.#last.push(...BY_FIRST_WORD.filter(wanted).map((rule) => ({ ...rule, word: wordOf(rule.pattern) })));
    this.#fixed.push(...commandLine);
    for (const { tagName, regex, fixedValue } of tags) {
      if (fixedValue !== undefined) {
        if (!this.#fixed.some((tag) => tag.name === tagName)) this.#fixed.push({ name: tagName, value: fixedValue });
      }
      // Envoy runs those with a first word of their own after those that look everywhere.
      else if (regex)
        (/^\^\w+\\\./.test(regex) ? this.#last : this.#first).push({ name: tagName, pattern: stdRegex(regex) });
    }
  }

  extract(name: string): TaggedName {
    if (EARLY.test(name)) return { name, tags: [] };
    const tags: Tag[] = [];
    const taken: [number, number][] = [];
    for (const rule of this.#first) take(rule, name, tags, taken);
    tags.push(...this.#fixed);
    for (const rule of this.#lastOf(name)) take(rule, name, tags, taken);
    return { name: withoutLastDots(without(name, taken)), tags };
  }

  #lastOf(name: string): TagRule[] {
    const first = name.slice(0, Math.max(0, name.indexOf('.')));
    let rules = this.#lastByWord.get(first);
    if (rules === undefined) {
      rules = this.#last.filter(({ word }) => word === undefined || word === first);
      this.#lastByWord.set(first, rules);
    }
    return rules;
  }
}

/** Of a pattern that begins with a word and a dot. */
function wordOf({ source }: RegExp): string | undefined {
  return /^\^(\w+)\\\./.exec(source)?.[1];
}

/** The first to find a tag of some name has it. */
function take(rule: TagRule, name: string, tags: Tag[], taken: [number, number][]): void {
  if (rule.within !== undefined && !name.includes(rule.within)) return;
  if (tags.some((tag) => tag.name === rule.name)) return;
  const match = rule.pattern.exec(name);
  const removed = match?.indices?.[1];
  if (match === null || removed === undefined) return;
  const value = match[2] ?? match[1];
  tags.push({
    name: rule.name,
    value: rule.name === 'envoy.endpoint_address' ? value.replace(/_(\d+)$/, ':$1') : withoutLastDots(value),
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

/** Dots are between words: at the end there is none. */
function withoutLastDots(text: string): string {
  let end = text.length;
  while (text[end - 1] === '.') end--;
  return text.slice(0, end);
}
