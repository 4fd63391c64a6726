/** Route tables and connection managers that Envoy takes or refuses. Follows config.route.v3 and http_connection_manager.v3. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrap, httpListener, type Json, routeConfig, staticCluster, typed } from '#testing/bootstrap.ts';
import { agree, verdict } from './verdict.ts';

/** A manager's fields, in a bootstrap with the clusters `a` and `b`. */
function withManager(manager: Json): Json {
  return bootstrap([httpListener({ manager })], [staticCluster('a', [1]), staticCluster('b', [1])]);
}

const table = (fields: Json): Json => ({ route_config: { name: 't', ...fields } });
const hosts = (...domains: string[][]): Json =>
  table({ virtual_hosts: domains.map((list, i) => ({ name: `v${i}`, domains: list })) });
const host = (fields: Json): Json => routeConfig([], fields);
const route = (fields: Json): Json => routeConfig([fields]);
const action = (fields: Json, match: Json = { prefix: '/' }): Json => route({ match, route: fields });
const weights = (clusters: Json[], fields: Json = {}): Json => action({ weighted_clusters: { clusters, ...fields } });
const mirror = (policy: Json): Json => action({ cluster: 'a', request_mirror_policies: [policy] });
const answer = (fields: Json): Json => route({ match: { prefix: '/' }, direct_response: { status: 200, ...fields } });
const extension = (type: string, fields: Json = {}): Json => ({ name: 'n', typed_config: typed(type, fields) });
const template = (path: string): Json => ({
  path_match_policy: extension('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: path }),
});
const rewrite = (path: string): Json => ({
  cluster: 'a',
  path_rewrite_policy: extension('extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig', {
    path_template_rewrite: path,
  }),
});
const substitute = (regex: string, substitution: string): Json => ({ pattern: { regex }, substitution });
const toCluster = (cluster: string): Json => ({
  action: extension('config.route.v3.Route', { match: { prefix: '/' }, route: { cluster } }),
});
const header = extension('type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: 'x' });
const tree = (input: Json, onMatch: Json = toCluster('a')): Json =>
  host({ matcher: { matcher_tree: { input, exact_match_map: { map: { k: onMatch } } } } });
const network = (name: string, fields: Json = {}): Json =>
  extension(`extensions.matching.common_inputs.network.v3.${name}`, fields);

const formatted = (text: string, formatter?: Json): Json => ({
  ...route({ match: { prefix: '/' }, direct_response: { status: 200 } }),
  local_reply_config: {
    body_format: {
      text_format_source: { inline_string: text },
      formatters: formatter === undefined ? [] : [formatter],
    },
  },
});
const withoutQuery = extension('extensions.formatter.req_without_query.v3.ReqWithoutQuery');

/** Fields of a manager, by what is special in them. */
const MANAGERS: Record<string, Json> = {
  'an operator of a formatter that is not there': formatted('%REQ_WITHOUT_QUERY(:path)%'),
  'an operator of a formatter': formatted('%REQ_WITHOUT_QUERY(:path?x):3%', withoutQuery),
  'an operator of a formatter, with three fields': formatted('%REQ_WITHOUT_QUERY(a?b?c)%', withoutQuery),
  'a formatter of which everything is there anyway': formatted(
    '%METADATA(ROUTE:a)% %CEL(request.path)%',
    extension('extensions.formatter.cel.v3.Cel'),
  ),
  'a formatter that is none': formatted('a', extension('extensions.filters.http.router.v3.Router')),
  'two hosts for all': hosts(['*'], ['*']),
  'a domain twice, in other case': hosts(['A.com'], ['a.com']),
  'a suffix twice': hosts(['*.com', '*.com']),
  'a prefix twice': hosts(['www.*', 'WWW.*']),
  'stars in odd places': hosts(['a*b', '**', '*a*']),
  'no domains': hosts([]),
  'two hosts of one name': table({ virtual_hosts: ['a', 'b'].map((domain) => ({ name: 'v', domains: [domain] })) }),
  'a cluster of nobody': action({ cluster: 'zz' }),
  'a cluster of nobody that nobody checks': table({
    ...(action({ cluster: 'zz' }).route_config as Json),
    validate_clusters: false,
  }),
  'a cluster without a name': action({ cluster: '' }),
  'no cluster': action({}),
  'a share for a cluster of nobody': weights([
    { name: 'a', weight: 1 },
    { name: 'zz', weight: 1 },
  ]),
  'shares of nothing': weights([{ name: 'a', weight: 0 }]),
  'a share without weight': weights([{ name: 'a' }]),
  'no shares': weights([]),
  'another total than the sum': weights([{ name: 'a', weight: 1 }], { total_weight: 5 }),
  'a share by name and header': weights([{ name: 'a', cluster_header: 'x', weight: 1 }]),
  'a share of nobody': weights([{ weight: 1 }]),
  'a copy to a cluster of nobody': mirror({ cluster: 'zz' }),
  'a copy by name and header': mirror({ cluster: 'a', cluster_header: 'x' }),
  'a copy to nowhere': mirror({}),
  "a virtual host's copy to a cluster of nobody": host({ request_mirror_policies: [{ cluster: 'zz' }] }),
  'two rewrites': action({ cluster: 'a', prefix_rewrite: '/x', regex_rewrite: substitute('a', 'b') }),
  'a template and a rewrite by prefix': action({ cluster: 'a', prefix_rewrite: '/x' }, template('/a')),
  'a template and a redirect by prefix': route({ match: template('/a'), redirect: { prefix_rewrite: '/x' } }),
  'a rewrite by template': action(rewrite('/{x}'), template('/{x}')),
  'a rewrite by template without a match': action(rewrite('/x')),
  'a rewrite with another variable': action(rewrite('/{y}'), template('/{x}')),
  'a rewrite with two slashes in a row': action(rewrite('/a//b'), template('/{x}')),
  'a rewrite with a space': action(rewrite('/a b'), template('/{x}')),
  'a rewrite with a brace that stays open': action(rewrite('/{x'), template('/{x}')),
  'a rewrite with stars': action(rewrite('/a*/**'), template('/{x}')),
  'a rewrite with a slash at its end': action(rewrite('/{x}{x}/'), template('/{x}')),
  'a rewrite without a slash': action(rewrite('x'), template('/{x}')),
  'a bad pattern': action({ cluster: 'a' }, { safe_regex: { regex: '(a' } }),
  'a substitution with too high a group': action({ cluster: 'a', regex_rewrite: substitute('a', '\\1') }),
  'a substitution with a bad escape': action({ cluster: 'a', regex_rewrite: substitute('a', '\\x') }),
  'routes and a matcher': routeConfig([{ match: { prefix: '/' }, route: { cluster: 'a' } }], { matcher: {} }),
  'an empty matcher': host({ matcher: {} }),
  'a matcher by header': tree(header),
  'a matcher by query parameter': tree(extension('type.matcher.v3.HttpRequestQueryParamMatchInput')),
  'a matcher by address': tree(network('SourceIPInput')),
  'a matcher by filter state': tree(network('FilterStateInput', { key: 'x' })),
  "a matcher's cluster of nobody": tree(header, toCluster('zz')),
  'a matcher that does nothing': tree(header, {}),
  'a long body': answer({ body: { inline_string: 'x'.repeat(4097) } }),
  'a body of a file that is not there': answer({ body: { filename: '/nowhere' } }),
  'a status that is none': answer({ status: 99 }),
  'no action': route({ match: { prefix: '/' } }),
  'an action of nobody': route({ match: { prefix: '/' }, non_forwarding_action: {} }),
  'no match': route({ route: { cluster: 'a' } }),
  'an empty match': action({ cluster: 'a' }, {}),
  'a separated prefix with a slash at its end': action({ cluster: 'a' }, { path_separated_prefix: '/a/' }),
  'a virtual cluster without headers': host({ virtual_clusters: [{ name: 'x' }] }),
  'a host header that is removed': table({ request_headers_to_remove: ['Host'] }),
  'a time below nothing': action({ cluster: 'a', idle_timeout: '-1s' }),
  'ports of both kinds stripped': { ...host({}), strip_any_host_port: true, strip_matching_host_port: true },
  'log options old and new': { ...host({}), access_log_options: {}, flush_access_log_on_new_request: true },
  'no routes': { route_config: undefined },
  'no name in stats': { ...host({}), stat_prefix: '' },
  'heads of nothing': { ...host({}), max_request_headers_kb: 0 },
  'heads beyond the limit': { ...host({}), max_request_headers_kb: 8193 },
  'a response limit': { ...host({}), common_http_protocol_options: { max_response_headers_kb: 1 } },
};

test('route tables are accepted or refused as by Envoy, in its words', async (t) => {
  for (const [name, manager] of Object.entries(MANAGERS)) {
    await t.test(name, (each) => {
      const both = verdict(each, withManager(manager));
      assert.ok(agree(both), JSON.stringify(both, null, 2));
    });
  }
});
