import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRoute } from '#config/read/route.ts';
import { readMessage } from '#testing/read-message.ts';

function read(tree: object, match: object = { match: { prefix: '/' } }) {
  return readMessage('envoy.config.route.v3.Route', { ...match, ...tree }, (message, at, context) =>
    readRoute(message, at, { ...context, maxDirectResponseBodySizeBytes: 100 }),
  );
}

test('a route forwards, redirects, answers, or leaves the answer to a filter', () => {
  const kind = (tree: object) => read(tree).value?.action.kind;
  assert.equal(kind({ route: { cluster: 'a' } }), 'route');
  assert.equal(kind({ redirect: { https_redirect: true } }), 'redirect');
  assert.equal(kind({ direct_response: { status: 200 } }), 'direct_response');
  assert.equal(kind({ non_forwarding_action: {} }), 'non_forwarding');
});

test('what belongs to the route itself', () => {
  const { value, errors } = read({
    name: 'r',
    route: { cluster: 'a' },
    metadata: { filter_metadata: { x: { y: [1, 'z'] } } },
    decorator: { operation: 'op' },
    stat_prefix: 'p',
    request_headers_to_add: [{ header: { key: 'X-A', value: '%PROTOCOL%' } }],
  });
  assert.deepEqual(errors, []);
  assert.equal(value?.name, 'r');
  assert.equal(value?.statPrefix, 'p');
  assert.deepEqual(value?.metadata, { x: { y: [1, 'z'] } });
  assert.deepEqual(value?.decorator, { operation: 'op', propagate: true });
  assert.deepEqual(value?.headers.requestAdd, [
    { name: 'x-a', value: '%PROTOCOL%', action: 'APPEND_IF_EXISTS_OR_ADD', keepEmptyValue: false },
  ]);
});

test('a filter may be turned off for a route', () => {
  const typeUrl = 'type.googleapis.com/envoy.config.route.v3.FilterConfig';
  const { value } = read({
    route: { cluster: 'a' },
    typed_per_filter_config: { f: { '@type': typeUrl, disabled: true } },
  });
  assert.deepEqual(value?.perFilterConfig, { f: { typeUrl: '', config: undefined, disabled: true, optional: false } });
});

test('a route without match or action is an error', () => {
  assert.deepEqual(read({ route: { cluster: 'a' } }, {}).errors, ["match: field 'match' is required"]);
  assert.match(read({}).errors[0], /^one of route, redirect, direct_response, non_forwarding_action is required/);
});
