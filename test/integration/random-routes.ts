/**
 * Random connection managers and route tables out of small alphabets, so that much matches and much nearly does.
 */
import { type Json, typed } from '#testing/bootstrap.ts';
import type { Random } from './random.ts';

const DOMAINS = ['a.test', 'b.a.test', '*.a.test', '*.test', 'a.*', 'b.*', 'a.test:81', 'c', '*'];
const LITERALS = ['/', '/a', '/a/', '/a/b', '/b', '/A', '/a//b', '/ab'];
const PATTERNS = ['/a.*', '/[ab]/?.*', '.*b', '/(a|b)', '/.*;.*', '(?i)/a/b'];
export const HEADER_NAMES = ['x-a', 'x-b'];
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
export const CLUSTERS = ['c0', 'c1', 'c2'];

export class RandomRoutes {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Fields of a connection manager, its routes among them. */
  manager(name: string): Json {
    return {
      use_remote_address: this.#random.chance(50),
      xff_num_trusted_hops: this.#random.pick([0, 0, 1, 2]),
      skip_xff_append: this.#random.chance(20),
      normalize_path: this.#random.chance(50),
      merge_slashes: this.#random.chance(40),
      path_with_escaped_slashes_action: this.#random.pick([
        'KEEP_UNCHANGED',
        'KEEP_UNCHANGED',
        'REJECT_REQUEST',
        'UNESCAPE_AND_REDIRECT',
        'UNESCAPE_AND_FORWARD',
      ]),
      ...this.#random.pick([{}, { strip_matching_host_port: true }, { strip_any_host_port: true }]),
      strip_trailing_host_dot: this.#random.chance(30),
      append_x_forwarded_port: this.#random.chance(30),
      ...(this.#random.chance(30) ? { via: 'me' } : {}),
      preserve_external_request_id: this.#random.chance(50),
      ...(this.#random.chance(60)
        ? {
            internal_address_config: {
              cidr_ranges: [{ address_prefix: '127.0.0.0', prefix_len: this.#random.pick([8, 32]) }],
            },
          }
        : {}),
      common_http_protocol_options: {
        headers_with_underscores_action: this.#random.pick(['ALLOW', 'REJECT_REQUEST', 'DROP_HEADER']),
      },
      route_config: this.#table(name),
    };
  }

  #table(name: string): Json {
    const domains = [...DOMAINS];
    const hosts: Json[] = [];
    while (domains.length > 0 && hosts.length < 4) {
      const count = 1 + this.#random.below(2);
      const mine = Array.from(
        { length: Math.min(count, domains.length) },
        () => domains.splice(this.#random.below(domains.length), 1)[0],
      );
      hosts.push(this.#virtualHost(`${name}v${hosts.length}`, mine));
    }
    return {
      name,
      virtual_hosts: hosts,
      ignore_port_in_host_matching:
        this.#random.chance(20) && !hosts.some(({ domains }) => (domains as string[]).includes('a.test:81')),
      ignore_path_parameters_in_path_matching: this.#random.chance(20),
      most_specific_header_mutations_wins: this.#random.chance(50),
      ...(this.#random.chance(20) ? { internal_only_headers: ['x-b'] } : {}),
      ...(this.#random.chance(10) ? { vhost_header: 'x-b' } : {}),
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
      routes: [
        ...this.#random.some(5, () => this.#route(`${name}r${count++}`)),
        ...(this.#random.chance(60) ? [{ ...this.#route(`${name}last`), match: { prefix: '/' } }] : []),
      ],
      ...(this.#random.chance(15) ? { require_tls: this.#random.pick(['EXTERNAL_ONLY', 'ALL']) } : {}),
      include_request_attempt_count: this.#random.chance(30),
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
    const rewrite = this.#random.pick([
      {},
      {},
      literal ? { prefix_rewrite: this.#random.pick(['/', '/new', '/new/']) } : {},
      { regex_rewrite: { pattern: { regex: '/(a|b)' }, substitution: '/<\\1>' } },
    ]);
    switch (this.#random.below(8)) {
      case 0:
        return {
          match,
          direct_response: { status: this.#random.pick([200, 410, 503]), body: { inline_string: 'direct' } },
        };
      case 1:
        return {
          match,
          redirect: {
            ...this.#random.pick([{}, { https_redirect: true }, { scheme_redirect: 'ftp' }]),
            ...this.#random.pick([{}, { host_redirect: 'other.test' }]),
            ...this.#random.pick([{}, { port_redirect: 8443 }]),
            ...this.#random.pick([{}, { path_redirect: '/else' }, { path_redirect: '/else?x=1' }, rewrite]),
            strip_query: this.#random.chance(30),
            response_code: this.#random.pick(['MOVED_PERMANENTLY', 'FOUND', 'PERMANENT_REDIRECT']),
          },
        };
      default:
        return {
          match,
          route: {
            ...this.#cluster(),
            ...(this.#random.chance(15) ? { path_rewrite: '/format/%REQ(x-a)%' } : rewrite),
            ...this.#random.pick([
              {},
              {},
              { host_rewrite_literal: 'literal.test' },
              { host_rewrite_header: 'x-a' },
              { host_rewrite: 'h-%REQ(x-b)%.test' },
              { host_rewrite_path_regex: { pattern: { regex: '^/(\\w).*' }, substitution: '\\1.test' } },
            ]),
            append_x_forwarded_host: this.#random.chance(30),
            ...(this.#random.chance(30) ? { timeout: this.#random.pick(['0s', '5s', '0.25s']) } : {}),
            ...(this.#random.chance(20)
              ? { retry_policy: { retry_on: '5xx,reset', num_retries: 2, per_try_timeout: '2s' } }
              : {}),
          },
        };
    }
  }

  #cluster(): Json {
    switch (this.#random.below(5)) {
      case 0:
        return { cluster_header: 'x-target' };
      case 1: {
        const clusters = CLUSTERS.map((name) => ({
          name,
          weight: this.#random.below(3),
          ...(this.#random.chance(20) ? { host_rewrite_literal: 'share.test' } : {}),
          ...this.#requestHeaders(),
        }));
        clusters[0].weight ||= 1;
        return {
          weighted_clusters: {
            clusters,
            ...this.#random.pick([{}, { header_name: 'x-b' }, { runtime_key_prefix: 'split' }]),
          },
        };
      }
      default:
        return { cluster: this.#random.pick(CLUSTERS) };
    }
  }

  #match(): Json {
    const path = this.#random.pick<Json>([
      { prefix: this.#random.pick(LITERALS) },
      { prefix: this.#random.pick(LITERALS) },
      { path: this.#random.pick(LITERALS) },
      { path_separated_prefix: this.#random.pick(['/a', '/b', '/a/b']) },
      { safe_regex: { regex: this.#random.pick(PATTERNS) } },
      {
        path_match_policy: {
          name: 'envoy.path.match.uri_template.uri_template_matcher',
          typed_config: typed('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
            path_template: this.#random.pick(['/{x}', '/a/{x}', '/{x}/{y=**}']),
          }),
        },
      },
    ]);
    const anyCase = !('safe_regex' in path) && !('path_match_policy' in path) && this.#random.chance(20);
    return {
      ...path,
      ...(anyCase ? { case_sensitive: false } : {}),
      headers: this.#random.chance(40) ? [this.#headerMatch(this.#random.pick(SEEN_NAMES))] : [],
      query_parameters: this.#random.chance(15) ? [this.#queryMatch()] : [],
      ...(this.#random.chance(10) ? { grpc: {} } : {}),
      ...(this.#random.chance(15) ? { runtime_fraction: this.#fraction() } : {}),
      ...(this.#random.chance(5) ? { tls_context: { presented: this.#random.chance(50) } } : {}),
    };
  }

  #fraction(): Json {
    const fraction = { default_value: { numerator: this.#random.pick([0, 50, 100]), denominator: 'HUNDRED' } };
    return this.#random.chance(30)
      ? { ...fraction, runtime_key: this.#random.pick(['all', 'none', 'absent']) }
      : fraction;
  }

  #headerMatch(name: string): Json {
    return {
      name,
      ...this.#random.pick<Json>([
        { present_match: this.#random.chance(70) },
        { string_match: this.#stringMatch() },
        { string_match: this.#stringMatch() },
        { range_match: { start: '-5', end: '5' } },
      ]),
      invert_match: this.#random.chance(20),
      treat_missing_header_as_empty: this.#random.chance(20),
    };
  }

  #queryMatch(): Json {
    const name = this.#random.pick(['q', 'r']);
    return this.#random.chance(40) ? { name, present_match: true } : { name, string_match: this.#stringMatch() };
  }

  #stringMatch(): Json {
    return this.#random.pick<Json>([
      { exact: this.#random.pick(['1', 'jason', 'http']), ignore_case: this.#random.chance(30) },
      { prefix: this.#random.pick(['j', '/a', '1']) },
      { suffix: this.#random.pick(['n', 'b', '2']) },
      { contains: this.#random.pick(['a', '.', '7']), ignore_case: this.#random.chance(30) },
      { safe_regex: { regex: this.#random.pick(['[a-z]+', '.*1.*', '']) || 'x?' } },
    ]);
  }

  #requestHeaders(): Json {
    if (this.#random.chance(60)) return {};
    return {
      request_headers_to_add: this.#random.some(3, () => ({
        header: { key: this.#random.pick(['x-a', 'x-new', 'x-more']), value: this.#random.pick(FORMATS) },
        append_action: this.#random.pick([
          'APPEND_IF_EXISTS_OR_ADD',
          'ADD_IF_ABSENT',
          'OVERWRITE_IF_EXISTS_OR_ADD',
          'OVERWRITE_IF_EXISTS',
        ]),
        keep_empty_value: this.#random.chance(30),
      })),
      request_headers_to_remove: this.#random.some(1, () => this.#random.pick(['x-b', 'x-new', 'cookie'])),
    };
  }
}
