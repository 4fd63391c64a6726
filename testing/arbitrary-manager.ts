/**
 * Random connection managers and route tables, about half of them good: each field is seldom wrong, so that what is wrong is mostly alone.
 * Only with fields that Fairlead honours. Follows config.route.v3 and http_connection_manager.v3.
 */
import fc from 'fast-check';
import { type Any, all, type Fields, few, rarely, seldom, some, together } from '#testing/arbitrary-fields.ts';
import { type Json, typed } from '#testing/bootstrap.ts';

function extension(type: string, field: string, value: Any): Any {
  return value.map((text) => ({ name: 'n', typed_config: typed(type, { [field]: text }) }));
}

const TEXTS = ['', '/a', 'A b', ':path', 'host', 'x\n', '%', '%REQ(x)%', '%%', '%NOPE%', '\u00e9', '\0'];
const text = seldom(['a', 'x-a', 'b', 'x'], TEXTS, 50);
const cluster = seldom(['a', 'b'], ['zz', '']);
const time = seldom(['0s', '1s', '15s'], ['-1s', '0.0005s', '0.000000001s']);
const share = seldom([{ numerator: 5 }, { numerator: 101, denominator: 'HUNDRED' }, { denominator: 'MILLION' }], [{}]);
const fraction = all({ default_value: share, runtime_key: fc.constantFrom('', 'k') });
const PATTERNS = ['', '(', '[', 'a**', '(?=a)', '\\1', '*', 'a{1001}', '(?P<x>a)', '\\pN', 'x{2,1}'];
const pattern = all({ regex: seldom(['a', '.*', '/a/[0-9]+', '(a|b)', '^/(\\w+)$'], PATTERNS, 25) });
const substitution = all({
  pattern,
  substitution: fc.constantFrom('x', '\\1', '\\0', '', '\\\\', 'x\n', '\\2', '\\z'),
});
const string = fc.oneof(
  ...['exact', 'prefix', 'suffix', 'contains'].map((kind) => all({ [kind]: text })),
  all({ exact: text, ignore_case: fc.boolean() }),
  all({ safe_regex: pattern, ignore_case: seldom([false], [true]) }),
);
const header = together(
  all({ name: text }),
  fc.oneof(
    all({ string_match: string }),
    all({ present_match: fc.boolean(), invert_match: fc.boolean() }),
    all({ range_match: all({ start: fc.integer({ min: -3, max: 1 }), end: fc.integer({ min: 1, max: 3 }) }) }),
    all({ exact_match: text }),
    all({ safe_regex_match: pattern }),
    some({ treat_missing_header_as_empty: fc.boolean() }),
  ),
);
const option = all({ header: all({ key: text, value: text }), append_action: fc.constantFrom('ADD_IF_ABSENT') });
const mutations: Fields = {
  request_headers_to_add: few(option),
  request_headers_to_remove: few(text),
  response_headers_to_add: few(option),
  response_headers_to_remove: few(text),
};

const BAD_TEMPLATES = ['/{x', '/**/a', '/{x}/{x}', 'a', '/a{x}', '/{}', '/{1a}', '/{x}//a', '/**/**', '/{x=**}/*'];
const template = seldom(['/a', '/{x}', '/{x}/*', '/{x=**}', '/*.js', '/{x=a/*}'], BAD_TEMPLATES, 12);
const templateRewrite = seldom(['/a', '/{x}'], ['/{y}', 'a', '/{x}{x}', '/{x', '/x}', '//', '/{x}/', ''], 12);
const match = together(
  fc.oneof(
    fc.constantFrom<Json>({ prefix: '/' }, { prefix: '' }, { path: '/a' }, { path_separated_prefix: '/a' }),
    seldom([{ prefix: '/a' }], [{}, { path_separated_prefix: '/a/' }, { connect_matcher: {} }]) as fc.Arbitrary<Json>,
    all({ safe_regex: pattern }),
    all({
      path_match_policy: extension(
        'extensions.path.match.uri_template.v3.UriTemplateMatchConfig',
        'path_template',
        template,
      ),
    }),
  ),
  some({
    case_sensitive: fc.boolean(),
    headers: few(header),
    query_parameters: few(all({ name: text, string_match: string })),
    cookies: few(all({ name: text, string_match: string })),
    runtime_fraction: fraction,
    grpc: fc.constant({}),
    tls_context: some({ presented: fc.boolean(), validated: fc.boolean() }),
  }),
);
const retryPolicy = some({
  retry_on: fc.constantFrom('5xx', 'nope', '5xx,reset', ''),
  num_retries: fc.integer({ min: 0, max: 3 }),
  per_try_timeout: time,
  retriable_status_codes: few(seldom([500, 503], [0, 99999])),
  retry_back_off: all({ base_interval: seldom(['1s'], ['0s', '5s', '0.0005s']), max_interval: seldom(['2s'], ['0s']) }),
  retriable_headers: few(header),
  rate_limited_retry_back_off: all({ reset_headers: few(all({ name: text }), 1), max_interval: time }),
});
const mirror = together(
  fc.oneof(all({ cluster }), all({ cluster_header: text }), all({ cluster, cluster_header: seldom([''], ['x']) })),
  some({ runtime_fraction: fraction }),
);
const weight = together(all({ name: cluster, weight: fc.integer({ min: 0, max: 3 }) }), rarely(some(mutations)));
const forwarding = together(
  fc.oneof(
    { weight: 4, arbitrary: all({ cluster }) },
    all({ cluster_header: text }),
    all({ weighted_clusters: all({ clusters: fc.array(weight, { minLength: 1, maxLength: 3 }), header_name: text }) }),
  ),
  some({ timeout: time, idle_timeout: time, retry_policy: retryPolicy, request_mirror_policies: few(mirror) }),
  rarely(some({ prefix_rewrite: seldom(['', '/x'], ['x\n'], 10), regex_rewrite: substitution })),
  rarely(all({ path_rewrite: text })),
  rarely(
    all({
      path_rewrite_policy: extension(
        'extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig',
        'path_template_rewrite',
        templateRewrite,
      ),
    }),
  ),
  rarely(
    fc.oneof(
      all({ host_rewrite_literal: text }),
      all({ host_rewrite: text }),
      all({ host_rewrite_path_regex: substitution }),
    ),
  ),
);
const redirect = together(
  some({ host_redirect: text, port_redirect: seldom([0, 80], [65536]), strip_query: fc.boolean() }),
  fc.oneof(
    all({ path_redirect: text }),
    all({ prefix_rewrite: text }),
    all({ path_rewrite: text }),
    all({ regex_rewrite: substitution }),
  ),
  fc.oneof(all({ https_redirect: fc.boolean() }), all({ scheme_redirect: text })),
);
const LONG = { inline_string: 'x'.repeat(4097) };
const direct = all({
  status: seldom([200, 404], [99, 599, 600, 0], 10),
  body: seldom([{ inline_string: 'a' }, { inline_bytes: 'YQ==' }], [{ inline_string: '' }, LONG, {}], 10),
});
const route = together(
  all({ match }),
  fc.oneof({ weight: 4, arbitrary: all({ route: forwarding }) }, all({ redirect }), all({ direct_response: direct })),
  rarely(some({ name: text, ...mutations, decorator: all({ operation: text }), stat_prefix: text })),
);
const DOMAINS = ['*', 'a.com', 'A.com', '*.com', 'a.*', '*a*', 'b', 'd:80', '[::1]', 'e', 'f', 'g', 'h', '*.n', '*.o'];
const virtualHost = together(
  all({
    name: seldom(['v', 'w'], ['']),
    domains: fc.array(seldom(DOMAINS, ['', 'x y', 'x\n']), { minLength: 1, maxLength: 2 }),
    routes: few(route),
  }),
  rarely(
    some({
      require_tls: fc.constantFrom('ALL', 'NONE'),
      retry_policy: retryPolicy,
      ...mutations,
      virtual_clusters: few(all({ name: text, headers: few(header, 1) })),
      request_mirror_policies: few(mirror),
    }),
  ),
);
/** A route table without its name, whose clusters are `a` and `b`. */
export const arbitraryRouteTable = together(
  all({ virtual_hosts: fc.array(virtualHost, { minLength: 1, maxLength: 2 }) }),
  rarely(
    some({
      validate_clusters: fc.boolean(),
      internal_only_headers: few(text),
      ...mutations,
      vhost_header: text,
      max_direct_response_body_size_bytes: fc.constantFrom(0, 1, 5000),
    }),
  ),
);

/** Fields of a connection manager whose clusters are `a` and `b`. */
export const arbitraryManager = together(
  all({ route_config: arbitraryRouteTable }),
  rarely(
    some({
      server_name: text,
      via: text,
      stream_idle_timeout: time,
      delayed_close_timeout: time,
      max_request_headers_kb: seldom([1, 8192], [0, 9000]),
      common_http_protocol_options: some({ idle_timeout: time, max_headers_count: seldom([1, 5], [0]) }),
      http_protocol_options: some({ default_host_for_http_10: text }),
      strip_any_host_port: fc.boolean(),
      strip_matching_host_port: seldom([false], [true], 10),
      access_log_options: some({ access_log_flush_interval: time }),
    }),
  ),
);
