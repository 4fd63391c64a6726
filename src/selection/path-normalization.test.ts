import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import { normalizePath, type PathRules, pathRules } from '#selection/path-normalization.ts';
import { CONFIGURED_ONLY } from '#selection/runtime-lookup.ts';

type Answer = string | number | [number, string];
type Row = [path: string, ...answers: [answer: Answer, ...managers: string[]][]];

/** What real Envoy does, as test/recorded/paths.ts asked it. */
const rows = readFileSync(new URL('./testdata/paths.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Row);

const ACTIONS: Record<string, PathRules['escapedSlashes']> = {
  reject: 'REJECT_REQUEST',
  redirect: 'UNESCAPE_AND_REDIRECT',
  forward: 'UNESCAPE_AND_FORWARD',
};

test('where the manager does not say, the runtime does', () => {
  const rules = (config: Partial<HttpConnectionManager>, values: Record<string, number>) => {
    const runtime = {
      ...CONFIGURED_ONLY,
      integer: (key: string, fallback: number) => values[key.replace('http_connection_manager.', '')] ?? fallback,
    };
    const { normalizePath, escapedSlashes } = pathRules(config as HttpConnectionManager, runtime, 30);
    return [normalizePath, escapedSlashes];
  };
  const silent = { pathWithEscapedSlashesAction: 'IMPLEMENTATION_SPECIFIC_DEFAULT' } as const;
  assert.deepEqual(rules(silent, {}), [false, 'KEEP_UNCHANGED']);
  assert.deepEqual(rules(silent, { normalize_path: 31, path_with_escaped_slashes_action: 3 }), [
    true,
    'UNESCAPE_AND_REDIRECT',
  ]);
  assert.deepEqual(rules(silent, { normalize_path: 30, path_with_escaped_slashes_action: 9 }), [
    false,
    'KEEP_UNCHANGED',
  ]);
  const given = { normalizePath: false, pathWithEscapedSlashesAction: 'REJECT_REQUEST' } as const;
  assert.deepEqual(rules(given, { normalize_path: 100, path_with_escaped_slashes_action: 4 }), [
    false,
    'REJECT_REQUEST',
  ]);
  assert.deepEqual(rules(given, { path_with_escaped_slashes_action_enabled: 0 }), [false, 'KEEP_UNCHANGED']);
});

/** The manager that a record calls `redirect+normalize`. */
function manager(name: string): PathRules {
  const words = name.split('+');
  return {
    normalizePath: words.includes('normalize'),
    mergeSlashes: words.includes('merge'),
    escapedSlashes: ACTIONS[words[0]] ?? 'KEEP_UNCHANGED',
  };
}

function answerOf(path: string, config: PathRules): Answer {
  const normalized = normalizePath(path, config);
  if (normalized.kind === 'reject') return 400;
  return normalized.kind === 'redirect' ? [307, normalized.path] : normalized.path;
}

const names = [...new Set(rows.flatMap(([, ...answers]) => answers.flatMap(([, ...by]) => by)))].sort();

for (const name of names) {
  test(`every path on record goes where Envoy sends it: ${name}`, () => {
    const config = manager(name);
    for (const [path, ...answers] of rows) {
      const expected = answers.find(([, ...by]) => by.includes(name))?.[0] ?? path;
      assert.deepEqual(answerOf(path, config), expected, path);
    }
  });
}

const pathText = fc.string({
  unit: fc.constantFrom(...'/..//%%%2eEfF5cC0;?ab|\\~'.split('')),
  maxLength: 24,
});

test('a normal path is not changed again, unless it has broken escapes', () => {
  const config = manager('normalize+merge');
  fc.assert(
    fc.property(pathText, (text) => {
      const once = answerOf(`/${text}`, config);
      if (typeof once !== 'string' || /%(?![0-9a-f]{2})/i.test(once)) return;
      // What was a parameter's dot segment only after decoding is one of the next proxy's.
      if (/\/\.\.?;/.test(once)) return;
      assert.equal(answerOf(once, config), once);
    }),
  );
});

test('no dot segment, backslash or double slash survives normalizing and merging', () => {
  const config = manager('forward+normalize+merge');
  fc.assert(
    fc.property(pathText, (text) => {
      const path = answerOf(`/${text}`, config);
      if (typeof path !== 'string') return;
      const pure = path.split('?')[0];
      assert.doesNotMatch(pure, /\\|\/\.\.?(\/|$)|^(?!\/\/$).*\/\/|%(2e|41)/i);
    }),
  );
});

test('a path of many slashes, dots or percent signs costs no more than its length', () => {
  const config = manager('forward+normalize+merge');
  const started = performance.now();
  for (const unit of ['/', '/.', '/..', '/a/..', '%', '%2', '%2%66', '%66', '\\', '/..;', '/a']) {
    answerOf(`/${unit.repeat(60_000 / unit.length)}`, config);
    answerOf(`/%a${unit.repeat(60_000 / unit.length)}`, config);
  }
  assert.ok(performance.now() - started < 1000);
});
