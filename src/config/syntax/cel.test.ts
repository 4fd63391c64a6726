import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expr } from '#api/generated/google/api/expr/v1alpha1/syntax_pb.js';
import { PLAIN_DIALECT } from '#config/model/cel.ts';
import { planCel } from '#config/syntax/cel.ts';

const plan = (source: string, dialect = {}) => planCel({ source, dialect: { ...PLAIN_DIALECT, ...dialect } });
const strings = { stringFunctions: true };
const refusal = (why: string) => ({ message: `failed to create an expression: ${why}` });

for (const [source, why] of [
  ['[1].exists(x, x == 1)', 'Comprehension support is disabled'],
  ['nofunc(1)', 'No overload found in reference resolve step for nofunc'],
  ["size('a', 'b')", 'No overload found in reference resolve step for size'],
  ['toString(1)', 'No overload found in reference resolve step for toString'],
  ["string(1) == '1'", 'No overload found in reference resolve step for string'],
  ["'A'.lowerAscii() == 'a'", 'No overload found in reference resolve step for lowerAscii'],
  ["'a'.matches('[')", 'invalid regular expression: missing ]: ['],
  ['a.B{c: 1}', "Invalid struct creation: missing type info for 'a.B'"],
  ['[[nofunc(1)]]', 'No overload found in reference resolve step for nofunc'],
  ["{'a': nofunc(1)}", 'No overload found in reference resolve step for nofunc'],
]) {
  test(`refused as by Envoy: ${source}`, () => assert.throws(() => plan(source), refusal(why)));
}

test('a tree that no parser made is refused where it is broken', () => {
  const of = (exprKind: unknown) => () =>
    planCel({ source: { id: 1n, exprKind } as unknown as Expr, dialect: PLAIN_DIALECT });
  assert.throws(of({ case: undefined }), refusal('Invalid empty expression'));
  assert.throws(of({ case: 'constExpr', value: { constantKind: { case: undefined } } }), /unspecified constant$/);
  assert.throws(of({ case: 'identExpr', value: { name: '' } }), /'name' must not be empty$/);
  assert.throws(of({ case: 'selectExpr', value: { field: 'a' } }), /select must specify an operand$/);
  assert.throws(
    of({ case: 'listExpr', value: { elements: [{ exprKind: { case: undefined } }] } }),
    /empty expression$/,
  );
});

test('what a dialect adds can be called', () => {
  assert.equal(plan("'a' + 'b' == 'ab'", { stringConcat: true })(), true);
  assert.equal(plan("string(1) + '2' == '12'", { stringConversion: true, stringConcat: true })(), true);
  assert.equal(plan("'Ab'.lowerAscii() == 'ab' && strings.quote('a') == '\"a\"'", strings)(), true);
  assert.equal(plan("'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abab'.replace('a', '-', 1) == '-bab'", strings)(), true);
  assert.equal(plan("'aba'.replace('a', '', -1) == 'b' && 'ab'.reverse() == 'ba'", strings)(), true);
});

test('sums that it does not add are errors when they are run', () => {
  for (const source of ["'a' + 'b' == 'ab'", "b'a' + b'b' == b'ab'", '[1] + [2] == [1, 2]'])
    assert.notEqual(plan(source)(), true);
  assert.equal(plan('1 + 2 == 3 && 1.5 + 1.5 == 3.0')(), true);
});

test('numbers become text as in C', () => {
  const text = (source: string) => plan(`string(${source})`, { stringConversion: true })();
  assert.deepEqual(['1.0', '0.1', '123456.5', '1234567.0', '0.00001', '1e30', '-12345678.9'].map(text), [
    '1',
    '0.1',
    '123456.5',
    '1.234567e+06',
    '1e-05',
    '1e+30',
    '-1.23456789e+07',
  ]);
});
