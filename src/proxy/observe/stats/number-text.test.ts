import assert from 'node:assert/strict';
import { test } from 'node:test';
import { general, shortest } from '#proxy/observe/stats/number-text.ts';

test('the shortest form is scientific only where that saves a character', () => {
  const values = [0, 0.5, 1, 60_000, 300_000, 1_800_000, 41.333333333333336, 1e21, 1e-7, Number.NaN];
  assert.equal(values.map(shortest).join(' '), '0 0.5 1 60000 3e+05 1800000 41.333333333333336 1e+21 1e-07 nan');
});

test('the general form has six digits and turns scientific at a million', () => {
  const values = [0, 0.5, 99.5, 300_000, 1_800_000, 3_600_000, 1234567, 0.00001];
  assert.equal(values.map((value) => general(value)).join(' '), '0 0.5 99.5 300000 1.8e+06 3.6e+06 1.23457e+06 1e-05');
});

test('with 32 digits it writes the number that a double really is', () => {
  assert.equal(general(391.4957027457081, 32), '391.4957027457081153443141374737');
  assert.equal(general(3_600_000, 32), '3600000');
  assert.equal(general(0.5, 32), '0.5');
});
