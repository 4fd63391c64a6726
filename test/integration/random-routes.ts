/**
 * Random route tables, connection managers and requests out of small alphabets, so that much matches and much nearly does. The same seed makes
 * the same ones.
 */
import { type Json, typed } from '#testing/bootstrap.ts';

export interface RandomRequest {
  method: string;
  path: string;
  headers: [string, string][];
  source: string;
}

const DOMAINS = ['a.test', 'b.a.test', '*.a.test', '*.test', 'a.*', 'b.*', 'a.test:81', 'c', '*'];
const HOSTS = [
  'a.test',
  'A.test',
  'b.a.test',
  'x.a.test',
  'q.test',
  'a.test:81',
  'a.test:82',
  'b.b',
  'c',
  'zz',
  'a.test.',
];
const PATHS = [
  '/',
  '/a',
  '/a/b',
  '/A',
  '/a//b',
  '/b',
  '/a/',
  '/ab',
  '/a/b/c',
  '/b/../a',
  '/a%2Fb',
  '/%61',
  '/a;x=1/b',
  '/a/%zz',
];
const QUERIES = ['', '', '?', '?q=1', '?q=1&r=2', '?r=/a', '?q'];
const LITERALS = ['/', '/a', '/a/', '/a/b', '/b', '/A', '/a//b', '/ab'];
const PATTERNS = ['/a.*', '/[ab]/?.*', '.*b', '/(a|b)', '/.*;.*', '(?i)/a/b'];
const VALUES = ['', '1', '7', 'jason', 'JASON', 'a,b', '-3', 'x y'];
const HEADER_NAMES = ['x-a', 'x-b'];
const SEEN_NAMES = [
  ...HEADER_NAMES,
  ':method',
  ':path',
  ':authority',
  'x-forwarded-proto',
  'x-envoy-internal',
  'x-forwarded-for',
  'te',
];
const FORMATS = [
  'v',
  '%REQ(x-a)%',
  '%REQ(:PATH)%',
  '%PROTOCOL%',
  '%ROUTE_NAME%',
  '%REQ(x-none?x-b)%-%%',
  '%REQ(x-a):2%',
];
const CLUSTERS = ['c0', 'c1', 'c2'];

/** Numbers as mulberry32 makes them. */
export class RandomRoutes {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** Fields of a connection manager, its routes among them. */
  manager(name: string): Json {
    return {
      use_remote_address: this.chance(50),
      xff_num_trusted_hops: this.pick([0, 0, 1, 2]),
      skip_xff_append: this.chance(20),
      normalize_path: this.chance(50),
      merge_slashes: this.chance(40),
      path_with_escaped_slashes_action: this.pick([
        'KEEP_UNCHANGED',
        'KEEP_UNCHANGED',
        'REJECT_REQUEST',
        'UNESCAPE_AND_REDIRECT',
        'UNESCAPE_AND_FORWARD',
      ]),
      ...this.pick([{}, { strip_matching_host_port: true }, { strip_any_host_port: true }]),
      strip_trailing_host_dot: this.chance(30),
      append_x_forwarded_port: this.chance(30),
      ...(this.chance(30) ? { via: 'me' } : {}),
      preserve_external_request_id: this.chance(50),
      ...(this.chance(60)
        ? {
            internal_address_config: { cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: this.pick([8, 32]) }] },
          }
        : {}),
      common_http_protocol_options: {
        headers_with_underscores_action: this.pick(['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER']),
      },
      route_config: this.#table(name),
    };
  }

  request(): RandomRequest {
    const headers: [string, string][] = [['host', this.pick(HOSTS)]];
    for (const name of HEADER_NAMES) if (this.chance(60)) headers.push([name, this.pick(VALUES)]);
    if (this.chance(20)) headers.push(['x-a', this.pick(VALUES)]);
    if (this.chance(30)) headers.push(['cookie', this.pick(['k=1', 'k=jason; l=2', 'l=2', 'k="1"'])]);
    if (this.chance(20))
      headers.push(['x-forwarded-for', this.pick(['10.0.0.1', '127.0.0.9', '1.2.3.4, 127.0.0.9', 'nonsense'])]);
    if (this.chance(20)) headers.push(['x-forwarded-proto', this.pick(['http', 'https'])]);
    if (this.chance(10)) headers.push(['content-type', this.pick(['application/grpc', 'application/json'])]);
    if (this.chance(10)) headers.push(['x_under', '1']);
    if (this.chance(10)) headers.push(['te', this.pick(['trailers', 'gzip', 'gzip, trailers;q=1'])]);
    if (this.chance(10)) headers.push(['x-request-id', 'mine']);
    if (this.chance(10)) headers.push(['x-envoy-upstream-rq-timeout-ms', '4000']);
    if (this.chance(10)) headers.push(['x-envoy-retry-on', '5xx'], ['x-envoy-max-retries', '3']);
    if (this.chance(10)) headers.push(['x-target', this.pick([...CLUSTERS, 'nowhere'])]);
    if (this.chance(10)) headers.push(['connection', this.pick(['x-a', 'keep-alive', 'keep-alive, x-b'])]);
    return {
      method: this.pick(['GET', 'GET', 'GET', 'DELETE', 'OPTIONS']),
      path: this.pick(PATHS) + this.pick(QUERIES),
      headers,
      source: this.pick(['127.0.0.1', '127.0.0.2']),
    };
  }

  #table(name: string): Json {
    const domains = [...DOMAINS];
    const hosts: Json[] = [];
    while (domains.length > 0 && hosts.length < 4) {
      const count = 1 + this.below(2);
      const mine = Array.from(
        { length: Math.min(count, domains.length) },
        () => domains.splice(this.below(domains.length), 1)[0],
      );
      hosts.push(this.#virtualHost(`${name}v${hosts.length}`, mine));
    }
    return {
      name,
      virtual_hosts: hosts,
      ignore_port_in_host_matching:
        this.chance(20) && !hosts.some(({ domains }) => (domains as string[]).includes('a.test:81')),
      ignore_path_parameters_in_path_matching: this.chance(20),
      most_specific_header_mutations_wins: this.chance(50),
      ...(this.chance(20) ? { internal_only_headers: ['x-b'] } : {}),
      ...(this.chance(10) ? { vhost_header: 'x-b' } : {}),
      ...this.#requestHeaders(),
      response_headers_to_add: [
        { header: { key: 'x-route', value: '%ROUTE_NAME%' } },
        { header: { key: 'x-cluster', value: '%UPSTREAM_CLUSTER%' } },
      ],
    };
  }

  #virtualHost(name: string, domains: string[]): Json {
    let count = 0;
    return {
      name,
      domains,
      routes: this.some(5, () => this.#route(`${name}r${count++}`)),
      ...(this.chance(15) ? { require_tls: this.pick(['EXTERNAL_ONLY', 'ALL']) } : {}),
      include_request_attempt_count: this.chance(30),
      ...this.#requestHeaders(),
    };
  }

  #route(name: string): Json {
    return { name, ...this.#action(), ...this.#requestHeaders() };
  }

  /** A match, with an action that may go with it. */
  #action(): Json {
    const match = this.#match();
    const literal = 'prefix' in match || 'path' in match || 'path_separated_prefix' in match;
    const rewrite = this.pick([
      {},
      {},
      literal ? { prefix_rewrite: this.pick(['/', '/new', '/new/']) } : {},
      { regex_rewrite: { pattern: { regex: '/(a|b)' }, substitution: '/<\\1>' } },
    ]);
    switch (this.below(8)) {
      case 0:
        return { match, direct_response: { status: this.pick([200, 410, 503]), body: { inline_string: 'direct' } } };
      case 1:
        return {
          match,
          redirect: {
            ...this.pick([{}, { https_redirect: true }, { scheme_redirect: 'ftp' }]),
            ...this.pick([{}, { host_redirect: 'other.test' }]),
            ...this.pick([{}, { port_redirect: 8443 }]),
            ...this.pick([{}, { path_redirect: '/else' }, { path_redirect: '/else?x=1' }, rewrite]),
            strip_query: this.chance(30),
            response_code: this.pick(['MOVED_PERMANENTLY', 'FOUND', 'PERMANENT_REDIRECT']),
          },
        };
      default:
        return {
          match,
          route: {
            ...this.#cluster(),
            ...rewrite,
            ...this.pick([
              {},
              {},
              { host_rewrite_literal: 'literal.test' },
              { host_rewrite_header: 'x-a' },
              { host_rewrite_path_regex: { pattern: { regex: '^/(\\w).*' }, substitution: '\\1.test' } },
            ]),
            append_x_forwarded_host: this.chance(30),
            ...(this.chance(30) ? { timeout: this.pick(['0s', '5s', '0.25s']) } : {}),
            ...(this.chance(20)
              ? { retry_policy: { retry_on: '5xx,reset', num_retries: 2, per_try_timeout: '2s' } }
              : {}),
          },
        };
    }
  }

  #cluster(): Json {
    switch (this.below(5)) {
      case 0:
        return { cluster_header: 'x-target' };
      case 1: {
        const clusters = CLUSTERS.map((name) => ({ name, weight: this.below(3), ...this.#requestHeaders() }));
        clusters[0].weight ||= 1;
        return {
          weighted_clusters: { clusters, ...this.pick([{}, { header_name: 'x-b' }, { runtime_key_prefix: 'split' }]) },
        };
      }
      default:
        return { cluster: this.pick(CLUSTERS) };
    }
  }

  #match(): Json {
    const path = this.pick<Json>([
      { prefix: this.pick(LITERALS) },
      { prefix: this.pick(LITERALS) },
      { path: this.pick(LITERALS) },
      { path_separated_prefix: this.pick(['/a', '/b', '/a/b']) },
      { safe_regex: { regex: this.pick(PATTERNS) } },
      {
        path_match_policy: {
          name: 'envoy.path.match.uri_template.uri_template_matcher',
          typed_config: typed('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
            path_template: this.pick(['/{x}', '/a/{x}', '/{x}/{y=**}']),
          }),
        },
      },
    ]);
    const anyCase = !('safe_regex' in path) && !('path_match_policy' in path) && this.chance(20);
    return {
      ...path,
      ...(anyCase ? { case_sensitive: false } : {}),
      headers: this.chance(40) ? [this.#headerMatch(this.pick(SEEN_NAMES))] : [],
      query_parameters: this.chance(15) ? [this.#queryMatch()] : [],
      ...(this.chance(10) ? { grpc: {} } : {}),
      ...(this.chance(15) ? { runtime_fraction: this.#fraction() } : {}),
      ...(this.chance(5) ? { tls_context: { presented: this.chance(50) } } : {}),
    };
  }

  #fraction(): Json {
    const fraction = { default_value: { numerator: this.pick([0, 50, 100]), denominator: 'HUNDRED' } };
    return this.chance(30) ? { ...fraction, runtime_key: this.pick(['all', 'none', 'absent']) } : fraction;
  }

  #headerMatch(name: string): Json {
    return {
      name,
      ...this.pick<Json>([
        { present_match: this.chance(70) },
        { string_match: this.#stringMatch() },
        { string_match: this.#stringMatch() },
        { range_match: { start: '-5', end: '5' } },
      ]),
      invert_match: this.chance(20),
      treat_missing_header_as_empty: this.chance(20),
    };
  }

  #queryMatch(): Json {
    const name = this.pick(['q', 'r']);
    return this.chance(40) ? { name, present_match: true } : { name, string_match: this.#stringMatch() };
  }

  #stringMatch(): Json {
    return this.pick<Json>([
      { exact: this.pick(['1', 'jason', 'http']), ignore_case: this.chance(30) },
      { prefix: this.pick(['j', '/a', '1']) },
      { suffix: this.pick(['n', 'b', '2']) },
      { contains: this.pick(['a', '.', '7']), ignore_case: this.chance(30) },
      { safe_regex: { regex: this.pick(['[a-z]+', '.*1.*', '']) || 'x?' } },
    ]);
  }

  #requestHeaders(): Json {
    if (this.chance(60)) return {};
    return {
      request_headers_to_add: this.some(3, () => ({
        header: { key: this.pick(['x-a', 'x-new', 'x-more']), value: this.pick(FORMATS) },
        append_action: this.pick([
          'APPEND_IF_EXISTS_OR_ADD',
          'ADD_IF_ABSENT',
          'OVERWRITE_IF_EXISTS_OR_ADD',
          'OVERWRITE_IF_EXISTS',
        ]),
        keep_empty_value: this.chance(30),
      })),
      request_headers_to_remove: this.some(1, () => this.pick(['x-b', 'x-new', 'cookie'])),
    };
  }
}
