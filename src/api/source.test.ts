import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PathStep } from '#api/place.ts';
import type { Problem } from '#api/problems.ts';
import { ConfigError } from '#api/problems.ts';
import { loadSource, sourceOf } from '#api/source.ts';

function refused(action: () => unknown): Problem[] {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  throw new assert.AssertionError({ message: 'nothing was refused' });
}

/** `line:column length` of a place. */
function place(text: string, path: PathStep[], format: 'yaml' | 'json' = 'yaml', part?: 'name' | 'value'): string {
  const found = sourceOf(text, 'f', format).locate(path, part);
  return found === undefined ? 'none' : `${found.line}:${found.column} ${found.length}`;
}

test('plain YAML scalars mean what they mean to Envoy, quoted ones are text', () => {
  const values = (yaml: string) => (sourceOf(`[${yaml}]`, 'f').tree as unknown[]).map((value) => value);
  assert.deepEqual(values('yes, Off, y, TRUE, n'), [true, false, true, true, false]);
  assert.deepEqual(values('yEs, oFF'), ['yEs', 'oFF']);
  assert.deepEqual(values('010, 0x10, -0x10, +5, 08, 0o10'), [8, 16, -16, 5, '08', '0o10']);
  assert.deepEqual(values('1.5, 1e3, .5'), ['1.5', '1e3', '.5']);
  assert.deepEqual(values('2147483647, 2147483648, 9223372036854775808'), [
    2147483647,
    '2147483648',
    '9223372036854775808',
  ]);
  assert.deepEqual(values('~, null, NULL, '), [null, null, null]);
  assert.deepEqual(values(`'yes', "010", '~', ! 5`), ['yes', '010', '~', '5']);
});

test('names stay text whatever they look like', () => {
  assert.deepEqual(sourceOf('on: 1\n010: 2\n~: 3\n', 'f').tree, { on: 1, '010': 2, '~': 3 });
});

test('anchors and aliases are resolved, and a merge key is a name like any other', () => {
  assert.deepEqual(sourceOf('a: &x {b: 1}\nc: *x\nd: {<<: *x}\n', 'f').tree, {
    a: { b: 1 },
    c: { b: 1 },
    d: { '<<': { b: 1 } },
  });
});

test('an alias without an anchor, or inside its own anchor, is refused', () => {
  assert.deepEqual(
    refused(() => sourceOf('a: *x\nb: &y [*y]\n', 'f')).map(({ line, column, message }) => [line, column, message]),
    [
      [1, 4, "there is no anchor '&x' before this alias"],
      [2, 8, "there is no anchor '&y' before this alias"],
    ],
  );
});

test('aliases that multiply to a monster are refused', () => {
  const lines = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    );
  assert.match(refused(() => sourceOf(lines.join('\n'), 'f'))[0].message, /aliases make this file hold more than/);
});

test('YAML syntax errors say where', () => {
  const first = (text: string) => {
    const [{ file, line, column, message }] = refused(() => sourceOf(text, 'f'));
    return `${file}:${line}:${column} ${message}`;
  };
  assert.equal(first('a: 1\n\tb: 2'), 'f:2:1 this is not YAML: Tabs are not allowed as indentation');
  assert.match(first('a: [1'), /^f:1:6 this is not YAML: Flow sequence/);
  assert.match(first("a: 'x\nb: 2"), /^f:2:5 this is not YAML: Missing closing 'quote/);
});

test('of a name given twice the last holds, of several documents the first, each with a warning', () => {
  const source = sourceOf('a: 1\na: 2\n---\nb: 1\n', 'f');
  assert.deepEqual(source.tree, { a: 2 });
  assert.deepEqual(
    source.warnings.map(({ severity, line, message }) => [severity, line, message]),
    [
      ['warning', 2, "'a' is given twice; the last one holds"],
      ['warning', 3, 'only the first of several YAML documents is read'],
    ],
  );
});

test('a name __proto__ is a name', () => {
  const tree = sourceOf('__proto__: {x: 1}\n', 'f').tree as object;
  assert.deepEqual(Object.keys(tree), ['__proto__']);
  assert.equal(Object.getPrototypeOf(tree), Object.prototype);
});

test('nesting without end is refused, not a crash', () => {
  assert.match(refused(() => sourceOf('['.repeat(100_000), 'f'))[0].message, /nested too deeply/);
  assert.match(refused(() => sourceOf('['.repeat(100_000), 'f', 'json'))[0].message, /nested more than/);
});

test('JSON as Envoy takes it: single quotes, bare names and a last comma', () => {
  assert.deepEqual(sourceOf(`{'a': [1, 2,], b_c: "x\\u0041\\n", }`, 'f', 'json').tree, { a: [1, 2], b_c: 'xA\n' });
});

test('JSON syntax errors say where and what was expected', () => {
  const first = (text: string) => {
    const [{ line, column, message }] = refused(() => sourceOf(text, 'f', 'json'));
    return `${line}:${column} ${message}`;
  };
  assert.equal(first('{"a": 1,\n "b" 2}'), "2:6 this is not JSON: expected ':' after the name, got '2'");
  assert.equal(first('{"a": nope}'), "1:7 this is not JSON: expected a value, got 'n'");
  assert.equal(first('{"a": [1 2]}'), "1:10 this is not JSON: expected ',' or ']', got '2'");
  assert.equal(first('{"a": "x'), '1:7 this is not JSON: this text has no closing quote');
  assert.equal(first('{} {}'), "1:4 this is not JSON: expected the end, got '{'");
  assert.equal(first(''), '1:1 this is not JSON: expected a value, got the end of the file');
  assert.equal(first('{/* x */}'), "1:2 this is not JSON: expected a name in quotes, got '/'");
});

const yaml = `a:
  fooBar:
  - name: x
    value: |
      long
  - name: 'y'
b: {c: [1, {d: 2}]}
`;

test('a YAML field is found in either spelling, by its value or its name', () => {
  assert.equal(place(yaml, ['a', 'foo_bar', 1, 'name']), '6:11 3');
  assert.equal(place(yaml, ['a', 'fooBar', 1, 'name'], 'yaml', 'name'), '6:5 4');
  assert.equal(place(yaml, ['a', 'foo_bar']), '2:3 6');
  assert.equal(place(yaml, ['b', 'c', 1, 'd']), '7:16 1');
  assert.equal(place(yaml, ['a', 'foo_bar', 0, 'value']), '4:12 1');
});

test('a missing YAML field has the place of its parent', () => {
  assert.equal(place(yaml, ['a', 'nope', 'deeper']), '1:1 1');
  assert.equal(place(yaml, ['a', 'foo_bar', 7]), '2:3 6');
  assert.equal(place(yaml, ['a', 'foo_bar', 1, 'nope']), '6:5 4');
  assert.equal(place('', ['a']), 'none');
});

test('a field under an alias is found where it was written', () => {
  assert.equal(place('a: &x\n  b: 1\nc: *x\n', ['c', 'b']), '2:6 1');
});

test('a single value where a list was meant is its first element', () => {
  assert.equal(place('a: {b: 5}\n', ['a', 0, 'b']), '1:8 1');
  assert.equal(place('{"a": {"b": 5}}', ['a', 0, 'b'], 'json'), '1:13 1');
});

const json = `{"a": {"fooBar": [{"x": "1\\"2"}, null]},
 "b": [1, [], {"a": 3, "a": 44}]}`;

test('a JSON field is found in either spelling, by its value or its name', () => {
  assert.equal(place(json, ['a', 'foo_bar', 0, 'x'], 'json'), '1:25 6');
  assert.equal(place(json, ['a', 'foo_bar', 0, 'x'], 'json', 'name'), '1:20 3');
  assert.equal(place(json, ['a', 'foo_bar', 1], 'json'), '1:34 4');
  assert.equal(place(json, ['b', 2, 'a'], 'json'), '2:29 2');
});

test('a missing JSON field has the place of its parent', () => {
  assert.equal(place(json, ['a', 'foo_bar', 0, 'nope'], 'json'), '1:19 1');
  assert.equal(place(json, ['b', 7], 'json'), '2:2 3');
  assert.equal(place(json, ['nope'], 'json'), '1:1 1');
});

test('the format goes by the suffix, and what cannot be read is refused', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'source-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = (name: string, content: string) => {
    writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  assert.deepEqual(loadSource(file('a.yml', 'a: yes')).tree, { a: true });
  assert.deepEqual(loadSource(file('a.json', '{"a": "yes"}')).tree, { a: 'yes' });
  assert.deepEqual(loadSource(file('a.conf', 'a: yes')).tree, { a: true });
  assert.deepEqual([...(loadSource(file('a.pb', '\x0a')).binary ?? [])], [10]);
  assert.match(refused(() => loadSource(file('a.pb_text', '')))[0].message, /text protobuf is not read/);
  assert.match(refused(() => loadSource(join(dir, 'none.yaml')))[0].message, /there is no such file/);
});
