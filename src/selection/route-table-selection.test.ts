import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadMessage } from '#api/decode.ts';
import { Problems } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { sourceOf } from '#api/source.ts';
import { validate } from '#api/validate.ts';
import { readContext } from '#config/read/context.ts';
import { readRouteTable } from '#config/read/route-table.ts';
import type { RouteConfiguration } from '#envoy/config/route/v3/route_pb.js';
import { compileRouteTable } from '#selection/compile-route-table.ts';
import { redirect } from '#selection/redirect.ts';
import type { RequestView } from '#selection/request-view.ts';
import { rewritePath } from '#selection/rewrite.ts';
import { routeLabel, selectRouteOf } from '#selection/select-route.ts';

/** As a shop would write it: what the documentation of Envoy shows of each kind of match, in one table. */
const TABLE = `
name: shop
virtual_hosts:
- name: shop
  domains: ["shop.test", "shop.test:*", "*.shop.test"]
  routes:
  - name: health
    match: { path: "/healthz" }
    direct_response: { status: 200, body: { inline_string: "ok" } }
  - name: beta
    match:
      prefix: "/cart"
      headers:
      - { name: x-user, string_match: { exact: jason } }
      - { name: x-bot, present_match: true, invert_match: true }
    route: { cluster: cart_beta }
  - name: cart
    match: { path_separated_prefix: "/cart" }
    route: { cluster: cart, prefix_rewrite: "/v1" }
  - name: search
    match:
      path: "/search"
      query_parameters: [{ name: q, present_match: true }]
    route: { cluster: search }
  - name: item
    match: { safe_regex: { regex: "/item/[0-9]+" } }
    route:
      cluster: items
      regex_rewrite: { pattern: { regex: "^/item/([0-9]+)$" }, substitution: "/items?id=\\\\1" }
  - name: user
    match:
      path_match_policy:
        name: envoy.path.match.uri_template.uri_template_matcher
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig
          path_template: "/users/{id}/{rest=**}"
    route:
      cluster: users
      path_rewrite_policy:
        name: envoy.path.rewrite.uri_template.uri_template_rewriter
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig
          path_template_rewrite: "/{rest}/of/{id}"
  - name: old
    match: { prefix: "/OLD/", case_sensitive: false }
    redirect: { host_redirect: new.shop.test, prefix_rewrite: "/", strip_query: true, response_code: FOUND }
  - name: signed-in
    match:
      prefix: "/"
      cookies: [{ name: session, string_match: { prefix: "s-" } }]
    route: { cluster: home_signed_in }
  - name: rest
    match: { prefix: "/" }
    route: { cluster: home }
- name: secure
  domains: ["pay.*"]
  require_tls: ALL
  routes:
  - { name: pay, match: { prefix: "/" }, route: { cluster: pay } }
- name: environments
  domains: ["env.test"]
  matcher:
    matcher_tree:
      input:
        name: env
        typed_config:
          "@type": type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput
          header_name: x-env
      exact_match_map:
        map:
          canary:
            action:
              name: route
              typed_config:
                "@type": type.googleapis.com/envoy.config.route.v3.Route
                name: canary
                match: { prefix: "/" }
                route: { cluster: canary }
    on_no_match:
      action:
        name: route
        typed_config:
          "@type": type.googleapis.com/envoy.config.route.v3.Route
          name: stable
          match: { prefix: "/" }
          route: { cluster: stable }
`;

const table = compileRouteTable(readTable(TABLE));

function readTable(text: string) {
  const type = messageType('envoy.config.route.v3.RouteConfiguration');
  const problems = new Problems();
  const { message, at } = loadMessage<RouteConfiguration>(type, sourceOf(text, 'shop.yaml'), problems);
  validate(type, message, at);
  const read = readRouteTable(message, at, readContext());
  assert.deepEqual(problems.list, []);
  return read;
}

function request(host: string, path: string, fields: Record<string, string> = {}): RequestView {
  const headers = new Map(Object.entries(fields));
  return {
    method: 'GET',
    path,
    host,
    scheme: 'http',
    headers: {
      get: (name) => headers.get(name),
      joined: (name) => headers.get(name),
      has: (name) => headers.has(name),
      some: (name, passes) => headers.has(name) && passes(headers.get(name) ?? ''),
    },
    connection: {
      destinationAddress: '127.0.0.1',
      destinationPort: 80,
      sourceAddress: '127.0.0.1',
      sourcePort: 1,
      directSourceAddress: '127.0.0.1',
      serverName: '',
      transportProtocol: 'raw_buffer',
      applicationProtocols: [],
    },
    random: 0,
  };
}

/** The name of the route that is chosen; empty where there is none. */
function chosen(host: string, path: string, fields?: Record<string, string>): string {
  const route = selectRouteOf(table, request(host, path, fields));
  return route === undefined ? '' : routeLabel(route);
}

/** The path that the upstream gets. */
function rewritten(path: string): string | undefined {
  const route = selectRouteOf(table, request('shop.test', path));
  return route && rewritePath(route, path);
}

test('each kind of match chooses its route', () => {
  assert.equal(chosen('shop.test', '/healthz'), 'health');
  assert.equal(chosen('shop.test', '/healthz?x'), 'health');
  assert.equal(chosen('SHOP.test', '/cart', { 'x-user': 'jason' }), 'beta');
  assert.equal(chosen('shop.test', '/cart', { 'x-user': 'jason', 'x-bot': '1' }), 'cart');
  assert.equal(chosen('shop.test', '/carts'), 'rest');
  assert.equal(chosen('www.shop.test', '/search?q=shoe'), 'search');
  assert.equal(chosen('www.shop.test', '/search'), 'rest');
  assert.equal(chosen('shop.test', '/item/42'), 'item');
  assert.equal(chosen('shop.test', '/item/x'), 'rest');
  assert.equal(chosen('shop.test', '/users/7/orders/all'), 'user');
  assert.equal(chosen('shop.test', '/old/x'), 'old');
  assert.equal(chosen('shop.test', '/', { cookie: 'a=b; session=s-1' }), 'signed-in');
});

test('virtual hosts are chosen by domain; a host of none finds no route', () => {
  assert.equal(chosen('other.test', '/'), '');
  assert.equal(chosen('env.test', '/', { 'x-env': 'canary' }), 'canary');
  assert.equal(chosen('env.test', '/'), 'stable');
});

test('a virtual host that demands TLS redirects what came without', () => {
  const plain = request('pay.test', '/x');
  const route = selectRouteOf(table, plain);
  assert.equal(route?.sslRedirect, true);
  assert.equal(route && redirect(route, plain), 'https://pay.test/x');
  assert.equal(chosen('pay.test', '/x', { 'x-forwarded-proto': 'https' }), 'pay');
});

test('paths are rewritten by what the route matched', () => {
  assert.equal(rewritten('/cart/1?x=y'), '/v1/1?x=y');
  assert.equal(rewritten('/item/42'), '/items?id=42');
  assert.equal(rewritten('/users/7/orders/all'), '/orders/all/of/7');
  const old = request('shop.test', '/old/x?q');
  const route = selectRouteOf(table, old);
  assert.equal(route && redirect(route, old), 'http://new.shop.test/x');
});
