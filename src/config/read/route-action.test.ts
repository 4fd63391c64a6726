import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRouteAction } from '#config/read/route-action.ts';
import { readRouteMatch } from '#config/read/route-match.ts';
import type { Route } from '#envoy/config/route/v3/route_components_pb.js';
import { readMessage } from '#testing/read-message.ts';

const TEMPLATE_MATCH = 'type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
const TEMPLATE_REWRITE = 'type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';

function read(action: object, match: object = { prefix: '/' }) {
  return readMessage(
    'envoy.config.route.v3.Route',
    { match, route: { ...('cluster_header' in action ? {} : { cluster: 'a' }), ...action } },
    (message: Route, at, context) => {
      if (message.match === undefined || message.action.case !== 'route') throw at.missing();
      const routeContext = { ...context, maxDirectResponseBodySizeBytes: 0 };
      return readRouteAction(message.action.value, readRouteMatch(message.match, at), at, routeContext);
    },
    { clusterNames: new Set(['a', 'cart']) },
  );
}

test('a route that says nothing more has the defaults of Envoy', () => {
  const { value, errors, warnings } = read({});
  assert.deepEqual([errors, warnings], [[], []]);
  assert.deepEqual(value, {
    kind: 'route',
    cluster: { kind: 'cluster', name: 'a' },
    clusterNotFoundResponseCode: 503,
    prefixRewrite: '',
    pathRewrite: '',
    appendXForwardedHost: false,
    timeout: 15_000,
    requestMirrorPolicies: [],
    priority: 'DEFAULT',
    hashPolicy: [],
    upgradeConfigs: [],
    includeVhRateLimits: false,
  });
});

test('times are milliseconds; zero is kept, for it turns a time off', () => {
  const { value } = read({
    timeout: '0s',
    idle_timeout: '0s',
    max_stream_duration: { max_stream_duration: '1.5s' },
    max_grpc_timeout: '2s',
    grpc_timeout_offset: '0.1s',
  });
  assert.deepEqual([value?.maxGrpcTimeout, value?.grpcTimeoutOffset], [2000, 100]);
  assert.equal(value?.timeout, 0);
  assert.equal(value?.idleTimeout, 0);
  assert.deepEqual(value?.maxStreamDuration, { maxStreamDuration: 1500 });
});

test('every word that says which answer a missing cluster gives', () => {
  const code = (name: string) => read({ cluster_not_found_response_code: name }).value?.clusterNotFoundResponseCode;
  assert.deepEqual(['SERVICE_UNAVAILABLE', 'NOT_FOUND', 'INTERNAL_SERVER_ERROR'].map(code), [503, 404, 500]);
});

test('a cluster that is defined nowhere is an error, with what was probably meant', () => {
  assert.deepEqual(read({ cluster: 'carts' }).errors, ["cluster: route: unknown cluster 'carts'"]);
});

test('a header may name the cluster', () => {
  const { value, errors } = read({ cluster_header: 'X-Cluster' });
  assert.deepEqual(errors, []);
  assert.deepEqual(value?.cluster, { kind: 'cluster_header', header: 'x-cluster' });
});

test('a host is rewritten in one of four ways', () => {
  const hostRewrite = (action: object) => read(action).value?.hostRewrite;
  assert.deepEqual(hostRewrite({ host_rewrite_literal: 'h' }), { kind: 'literal', value: 'h' });
  assert.deepEqual(hostRewrite({ host_rewrite_header: 'X-H' }), { kind: 'header', header: 'x-h' });
  assert.deepEqual(hostRewrite({ auto_host_rewrite: true }), { kind: 'auto' });
  assert.equal(hostRewrite({ auto_host_rewrite: false }), undefined);
  const byPath = { pattern: { regex: '^/(.+)/.+$' }, substitution: '\\1' };
  assert.deepEqual(hostRewrite({ host_rewrite_path_regex: byPath }), {
    kind: 'path_regex',
    regex: '^/(.+)/.+$',
    substitution: '\\1',
  });
});

test('a path is rewritten in one way only', () => {
  const regexRewrite = { pattern: { regex: 'a' }, substitution: 'b' };
  assert.deepEqual(read({ regex_rewrite: regexRewrite }).value?.regexRewrite, { regex: 'a', substitution: 'b' });
  assert.deepEqual(read({ prefix_rewrite: '/x', regex_rewrite: regexRewrite }).errors, [
    'Specify only one of prefix_rewrite, regex_rewrite or path_rewrite_policy',
  ]);
});

test('path and host may be format strings', () => {
  const { value } = read({ path_rewrite: '/%REQ(x)%', host_rewrite: '%REQ(y)%.test' });
  assert.equal(value?.pathRewrite, '/%REQ(x)%');
  assert.deepEqual(value?.hostRewrite, { kind: 'format', format: '%REQ(y)%.test' });
  const failed = (what: string) => `Failed to create ${what} rewrite formatter: INVALID_ARGUMENT`;
  assert.deepEqual(read({ path_rewrite: '%NOPE%' }).errors, [
    `path_rewrite: ${failed('path')}: Not supported field in StreamInfo: NOPE`,
  ]);
  assert.deepEqual(read({ host_rewrite: '%NOPE%' }).errors, [
    `host_rewrite: ${failed('host')}: Not supported field in StreamInfo: NOPE`,
  ]);
});

test('a template rewrites with the variables of the template that matched', () => {
  const match = {
    path_match_policy: { name: 'm', typed_config: { '@type': TEMPLATE_MATCH, path_template: '/{lang}/{rest=**}' } },
  };
  const rewrite = (template: string) => ({
    path_rewrite_policy: { name: 'r', typed_config: { '@type': TEMPLATE_REWRITE, path_template_rewrite: template } },
  });
  assert.deepEqual(read(rewrite('/{rest}/{lang}'), match).value?.pathRewritePolicy, { template: '/{rest}/{lang}' });
  assert.match(
    read(rewrite('/{other}'), match).errors[0],
    /^path_rewrite_policy\.typed_config\.path_template_rewrite: /,
  );
  assert.match(
    read(rewrite('/x')).errors[0],
    /^path_rewrite_policy: unable to use envoy\.path\.rewrite\.uri_template\.uri_template_rewriter extension without /,
  );
});

test('what no part of the data path does is refused by name', () => {
  const refused = {
    include_vh_rate_limits: true,
    rate_limits: [{}],
  };
  for (const [name, value] of Object.entries(refused)) {
    const [error, ...others] = read({ [name]: value }).errors;
    assert.deepEqual(others, []);
    assert.ok(error.startsWith(`${name}: field '${name}' is not supported by Fairlead yet`), error);
  }
});

test('internal redirects: the policy goes before the older fields, and what it may not copy is refused', () => {
  const older = { internal_redirect_action: 'HANDLE_INTERNAL_REDIRECT', max_internal_redirects: 4 };
  assert.equal(read(older).value?.internalRedirectPolicy?.maxInternalRedirects, 4);
  assert.equal(read({ max_internal_redirects: 4 }).value?.internalRedirectPolicy, undefined);
  const policy = { redirect_response_codes: [303, 304, 200], response_headers_to_copy: ['X-A'] };
  assert.deepEqual(read({ ...older, internal_redirect_policy: policy }).value?.internalRedirectPolicy, {
    maxInternalRedirects: 1,
    redirectResponseCodes: [303],
    predicates: [],
    allowCrossSchemeRedirect: false,
    responseHeadersToCopy: ['x-a'],
  });
  for (const name of [':path', 'Host']) {
    const { errors } = read({ internal_redirect_policy: { response_headers_to_copy: [name] } });
    assert.deepEqual(errors, [
      'internal_redirect_policy.response_headers_to_copy[0]: :-prefixed headers or Hosts may not be specified here.',
    ]);
  }
});
