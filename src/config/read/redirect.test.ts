import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRedirect } from '#config/read/redirect.ts';
import { readRouteMatch } from '#config/read/route-match.ts';
import type { Route } from '#envoy/config/route/v3/route_components_pb.js';
import { typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

function read(redirect: object, match: object = { prefix: '/' }) {
  return readMessage('envoy.config.route.v3.Route', { match, redirect }, (message: Route, at) => {
    if (message.match === undefined || message.action.case !== 'redirect') throw at.missing();
    return readRedirect(message.action.value, readRouteMatch(message.match, at), at);
  });
}

test('a redirect that says nothing more is to the same URL, 301', () => {
  assert.deepEqual(read({}).value, {
    kind: 'redirect',
    httpsRedirect: false,
    schemeRedirect: '',
    hostRedirect: '',
    portRedirect: 0,
    pathRedirect: '',
    prefixRewrite: '',
    responseCode: 301,
    stripQuery: false,
  });
});

test('every word that says which code answers', () => {
  const names = ['MOVED_PERMANENTLY', 'FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT'];
  assert.deepEqual(
    names.map((name) => read({ response_code: name }).value?.responseCode),
    [301, 302, 303, 307, 308],
  );
});

test('a path may be a format string', () => {
  assert.equal(read({ path_rewrite: '/%REQ(x)%' }).value?.pathRewrite, '/%REQ(x)%');
  assert.deepEqual(read({ path_rewrite: '%NOPE%' }).errors, [
    'path_rewrite: Failed to create path rewrite formatter: INVALID_ARGUMENT: Not supported field in StreamInfo: NOPE',
  ]);
});

test('a prefix is not rewritten where a template matched, in the words of Envoy', () => {
  const template = typed('extensions.path.match.uri_template.v3.UriTemplateMatchConfig', { path_template: '/a' });
  const { errors } = read({ prefix_rewrite: '/x' }, { path_match_policy: { name: 'm', typed_config: template } });
  assert.deepEqual(errors, ['prefix_rewrite: Cannot use redirect.prefix_rewrite with path_match_policy']);
});
