/**
 * Whatever a bootstrap holds, loading it gives a snapshot or says what is wrong and where; nothing else is thrown.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { ConfigError } from '#api/problems.ts';
import { messageType } from '#api/registry.ts';
import { loadSource, sourceOf } from '#api/source.ts';
import { loadBootstrap } from '#config/load.ts';
import { httpConnectionManagerReader } from '#config/read/http-connection-manager.ts';
import { routerReader } from '#config/read/router.ts';
import { loadOptions } from '#testing/load-config.ts';

const FRONT_PROXY = loadSource(fileURLToPath(import.meta.resolve('../../samples/front-proxy/front-proxy.yaml'))).tree;
const OPTIONS = loadOptions({}, [httpConnectionManagerReader, routerReader]);
/** Enough to find what is wrong by and by; a search takes more with FUZZ_RUNS. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 300);

type Tree = { [key: string]: unknown };

/** A bootstrap with a little of everything, to change. */
const MORE: Tree = {
  node: { id: 'n', locality: { zone: 'z' } },
  layered_runtime: {
    layers: [
      { name: 's', static_layer: { a: { b: 1 } } },
      { name: 'a', admin_layer: {} },
    ],
  },
  stats_config: {
    stats_tags: [{ tag_name: 'a', regex: '(x)' }],
    stats_matcher: { inclusion_list: { patterns: [{ prefix: 'a' }, { safe_regex: { regex: 'b' } }] } },
    histogram_bucket_settings: [{ match: { exact: 'h' }, buckets: [1, 2] }],
  },
  cluster_manager: {
    local_cluster_name: 'service_blue',
    upstream_bind_config: { source_address: { address: '127.0.0.1', port_value: 0 } },
  },
};

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    '',
    0,
    -1,
    1.5,
    true,
    'x',
    '1s',
    [],
    {},
    4_294_967_296,
    '::1',
    '10.0.0.0',
    '*',
    '(',
    '%REQ(',
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

/** How one bootstrap is made of another: something at a place becomes something else, goes, or stands twice. */
const change = fc.record({
  where: fc.nat(),
  how: fc.constantFrom('replace', 'remove', 'double', 'swap', 'add'),
  junk,
  other: fc.nat(),
});

function* places(tree: unknown): Generator<[holder: Tree, key: string]> {
  if (typeof tree !== 'object' || tree === null) return;
  for (const [key, value] of Object.entries(tree)) {
    yield [tree as Tree, key];
    yield* places(value);
  }
}

function changed(tree: unknown, changes: { where: number; how: string; junk: unknown; other: number }[]): unknown {
  const copy = structuredClone(tree);
  for (const { where, how, junk: value, other } of changes) {
    const all = [...places(copy)];
    if (all.length === 0) return copy;
    const [holder, key] = all[where % all.length];
    const [from, named] = all[other % all.length];
    if (how === 'replace') holder[key] = value;
    else if (how === 'swap') holder[key] = structuredClone(from[named]);
    else if (how === 'add') holder[named] = value;
    else if (Array.isArray(holder))
      holder.splice(
        Number(key),
        how === 'remove' ? 1 : 0,
        ...(how === 'remove' ? [] : [structuredClone(holder[Number(key)])]),
      );
    else delete holder[key];
  }
  return copy;
}

function check(tree: unknown): void {
  try {
    const { snapshot } = loadBootstrap([sourceOf(JSON.stringify(tree), 'fuzz.json', 'json')], OPTIONS);
    structuredClone(snapshot);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.problems.length > 0);
    for (const { file, line, severity } of error.problems) {
      assert.deepEqual([severity, file, line !== undefined], ['error', 'fuzz.json', true]);
    }
  }
}

test('a bootstrap with changes in random places', () => {
  const base = { ...(FRONT_PROXY as Tree), ...MORE };
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => check(changed(base, changes))),
    { numRuns },
  );
});

test('trees of the names that the messages of a bootstrap have', () => {
  const names = [
    'bootstrap.v3.Bootstrap',
    'listener.v3.Listener',
    'cluster.v3.Cluster',
    'core.v3.Address',
    'bootstrap.v3.Bootstrap.StaticResources',
  ].flatMap((type) => messageType(`envoy.config.${type}`).fields.map(({ name }) => name));
  const { tree } = fc.letrec<{ tree: unknown; object: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      junk,
      tie('object'),
      fc.array(tie('object'), { maxLength: 3 }),
    ),
    object: fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 5 }),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), tree), (whole: Tree) => check(whole)),
    { numRuns },
  );
});
