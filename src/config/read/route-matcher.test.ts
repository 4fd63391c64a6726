import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRouteMatcher } from '#config/read/route-matcher.ts';
import { readMessage } from '#testing/read-message.ts';

type Json = Record<string, unknown>;

const typed = (type: string, fields: Json = {}): Json => ({
  name: 'n',
  typed_config: { '@type': `type.googleapis.com/${type}`, ...fields },
});
const header = typed('envoy.type.matcher.v3.HttpRequestHeaderMatchInput', { header_name: 'X-Env' });
const toCluster = (cluster: string): Json => ({
  action: typed('envoy.config.route.v3.Route', { name: cluster, match: { prefix: '/' }, route: { cluster } }),
});

function read(tree: unknown) {
  const { value, errors } = readMessage(
    'xds.type.matcher.v3.Matcher',
    tree,
    (message, at, context) => readRouteMatcher(message, at, { ...context, maxDirectResponseBodySizeBytes: 0 }),
    { clusterNames: new Set() },
  );
  // Of routes, their names are enough here.
  const named = JSON.parse(JSON.stringify(value ?? null), (key, part) =>
    key === 'action' && Array.isArray(part) ? part.map((route: { name: string }) => route.name) : part,
  );
  return { value: named, errors };
}

const ENV = { kind: 'HttpRequestHeaderMatchInput', key: 'x-env' };

test('a map by exact value, with another matcher below and an answer for the rest', () => {
  const below = {
    matcher: { matcher_tree: { input: header, prefix_match_map: { map: { '/a': toCluster('deep') } } } },
  };
  const tree = {
    matcher_tree: { input: header, exact_match_map: { map: { test: toCluster('t'), other: below } } },
    on_no_match: toCluster('rest'),
  };
  const { value, errors } = read(tree);
  assert.deepEqual(errors, []);
  assert.deepEqual(value, {
    body: {
      kind: 'exact_map',
      input: ENV,
      entries: [
        { key: 'test', onMatch: { kind: 'action', action: ['t'] } },
        {
          key: 'other',
          onMatch: {
            kind: 'matcher',
            matcher: {
              body: {
                kind: 'prefix_map',
                input: ENV,
                entries: [{ key: '/a', onMatch: { kind: 'action', action: ['deep'] } }],
              },
            },
          },
        },
      ],
    },
    onNoMatch: { kind: 'action', action: ['rest'] },
  });
});

test('a list of predicates joined by and, or, not', () => {
  const is = (exact: string): Json => ({ single_predicate: { input: header, value_match: { exact } } });
  const predicate = {
    and_matcher: { predicate: [{ or_matcher: { predicate: [is('a'), is('b')] } }, { not_matcher: is('c') }] },
  };
  const { value } = read({ matcher_list: { matchers: [{ predicate, on_match: toCluster('x') }] } });
  const single = (text: string) => ({
    kind: 'single',
    input: ENV,
    matcher: { kind: 'exact', value: text, ignoreCase: false },
  });
  assert.deepEqual(value.body.matchers[0].predicate, {
    kind: 'and',
    predicates: [
      { kind: 'or', predicates: [single('a'), single('b')] },
      { kind: 'not', predicate: single('c') },
    ],
  });
});

test('networks of a header that holds an address', () => {
  const ip = typed('xds.type.matcher.v3.IPMatcher', {
    range_matchers: [
      {
        ranges: [
          { address_prefix: '10.0.0.0', prefix_len: 8 },
          { address_prefix: 'FD00::', prefix_len: 8 },
        ],
        on_match: toCluster('inside'),
      },
    ],
  });
  const { value } = read({ matcher_tree: { input: header, custom_match: ip } });
  const onMatch = { kind: 'action', action: ['inside'] };
  assert.deepEqual(value.body.ranges, [
    { address: '10.0.0.0', prefixLength: 8, exclusive: false, onMatch },
    { address: 'fd00::', prefixLength: 8, exclusive: false, onMatch },
  ]);
});

test('a list of routes is an action too', () => {
  const routes = ['a', 'b'].map((name) => ({ name, match: { prefix: `/${name}` }, route: { cluster: name } }));
  const action = typed('envoy.config.route.v3.RouteList', { routes });
  const { value } = read({ matcher_tree: { input: header, exact_match_map: { map: { k: { action } } } } });
  assert.deepEqual(value.body.entries[0].onMatch.action, ['a', 'b']);
});

test('a matcher that asks nothing leaves all to on_no_match', () => {
  assert.deepEqual(read({ on_no_match: toCluster('all') }).value, {
    body: { kind: 'list', matchers: [] },
    onNoMatch: { kind: 'action', action: ['all'] },
  });
});

test('routes are chosen by headers and filter state alone, as in Envoy', () => {
  const input = typed('envoy.extensions.matching.common_inputs.network.v3.SourceIPInput');
  const [error] = read({ matcher_tree: { input, exact_match_map: { map: { k: toCluster('a') } } } }).errors;
  assert.match(
    error,
    /^matcher_tree\.input\.typed_config: .*Route table can only match on request headers, saw .*SourceIPInput$/,
  );
});

test('matching on after a match is refused by name', () => {
  const kept = { ...toCluster('a'), keep_matching: true };
  const [error] = read({ matcher_tree: { input: header, exact_match_map: { map: { k: kept } } } }).errors;
  assert.match(
    error,
    /^matcher_tree\.exact_match_map\.map\["k"\]\.keep_matching: field 'keep_matching' is not supported/,
  );
});
