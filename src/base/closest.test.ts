import assert from 'node:assert/strict';
import test from 'node:test';
import { closest } from '#base/closest.ts';

test('a misspelt word finds the one that was meant', () => {
  const fields = ['codec_type', 'stat_prefix', 'route_config'];
  assert.equal(closest('codec_typ', fields), 'codec_type');
  assert.equal(closest('STAT_PREFX', fields), 'stat_prefix');
  assert.equal(closest('rotue_config', fields), 'route_config');
});

test('two neighbours in the wrong order are one mistake', () => {
  assert.equal(closest('ab', ['ba', 'xyz']), 'ba');
});

test('a word unlike every other finds none', () => {
  assert.equal(closest('listeners', ['admin', 'node']), undefined);
  assert.equal(closest('x', []), undefined);
});

test('the nearest wins, the first of equals', () => {
  assert.equal(closest('prxy', ['proxies', 'proxy']), 'proxy');
  assert.equal(closest('cat', ['bat', 'rat']), 'bat');
});
