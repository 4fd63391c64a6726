import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, countProblems, Problems, renderProblems } from '#api/problems.ts';
import { sourceOf } from '#api/source.ts';

const source = sourceOf('a:\n  codec_typ: AUTO\nb: 1\n', 'front.yaml');
const typo = {
  severity: 'error' as const,
  file: 'front.yaml',
  line: 2,
  column: 3,
  length: 9,
  path: 'a.codec_typ',
  message: "no field 'codec_typ' in HttpConnectionManager",
  hint: "did you mean 'codec_type'?",
};

test('a problem shows its place, its path, and the line with what is wrong underlined', () => {
  assert.equal(
    renderProblems([typo], [source]),
    [
      "front.yaml:2:3: error: no field 'codec_typ' in HttpConnectionManager",
      '  a.codec_typ',
      '    2 |   codec_typ: AUTO',
      "      |   ^^^^^^^^^ did you mean 'codec_type'?",
    ].join('\n'),
  );
});

test('a problem without a line keeps its hint in brackets', () => {
  const { line, column, length, ...bare } = typo;
  assert.equal(
    renderProblems([bare], []),
    "front.yaml: error: no field 'codec_typ' in HttpConnectionManager (did you mean 'codec_type'?)\n  a.codec_typ",
  );
});

test('problems of a file are shown from top to bottom', () => {
  const later = { ...typo, line: 3, column: 1, length: 1, message: 'later' };
  const shown = renderProblems([later, typo], [source]);
  assert.ok(shown.indexOf('codec_typ') < shown.indexOf('later'));
});

test('of a very long line only the part around the problem is shown', () => {
  const text = `{"x": "${'y'.repeat(5000)}", "z": 12}`;
  const column = text.indexOf('12') + 1;
  const shown = renderProblems(
    [{ ...typo, file: 'f', line: 1, column, length: 2 }],
    [sourceOf(text, 'f', 'json')],
  ).split('\n');
  assert.ok(shown[2].length < 130);
  assert.equal(shown[2][shown[3].indexOf('^')], '1');
  assert.ok(shown[3].includes('^^ did you'));
});

test('color changes nothing but color', () => {
  const colored = renderProblems([typo], [source], { color: true });
  assert.ok(colored.includes('\x1b[1;31m'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one.
  assert.equal(colored.replace(/\x1b\[[0-9;]*m/g, ''), renderProblems([typo], [source]));
});

test('throwIfAny throws all errors at once, and no warning', () => {
  const problems = new Problems();
  problems.add({ severity: 'warning', file: '', path: 'w', message: 'old' });
  problems.throwIfAny();
  problems.add(typo);
  problems.add({ severity: 'error', file: '', path: 'x', message: 'bad' });
  assert.throws(
    () => problems.throwIfAny(),
    (error) => {
      assert.ok(error instanceof ConfigError);
      assert.equal(error.problems.length, 2);
      assert.equal(
        error.message,
        "front.yaml:2:3: error: no field 'codec_typ' in HttpConnectionManager (did you mean 'codec_type'?) at a.codec_typ\nerror: bad at x",
      );
      return true;
    },
  );
});

test('problems are counted in words', () => {
  assert.equal(countProblems([typo, typo, { ...typo, severity: 'warning' }]), '2 errors, 1 warning');
  assert.equal(countProblems([typo]), '1 error');
});

test('of a private key on the line nothing is shown', () => {
  const key = '-----BEGIN PRIVATE KEY-----\\nMIGHAgEAMBMG\\n-----END PRIVATE KEY-----';
  const line = `{"key": "${key}", "b": 1}`;
  const column = line.indexOf('"b"') + 1;
  const problem = { ...typo, file: 'one.json', line: 1, column, length: 3 };
  const shown = renderProblems([problem], [sourceOf(line, 'one.json')]);
  assert.ok(!shown.includes('MIGH'));
  assert.match(shown, /PRIVATE KEY-----\*+-----END PRIVATE KEY-----", "b": 1/);
});
