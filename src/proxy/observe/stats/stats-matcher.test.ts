import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StringMatcher } from '#config/model/matchers.ts';
import { histogramBuckets } from '#proxy/observe/stats/histogram-buckets.ts';
import { compileStatsMatcher } from '#proxy/observe/stats/stats-matcher.ts';

const NAMES = ['cluster.a.upstream_rq_total', 'http.IN.x', 'server.live'];

test('no matcher keeps all, reject_all none', () => {
  assert.deepEqual(NAMES.filter(compileStatsMatcher({})), NAMES);
  assert.deepEqual(NAMES.filter(compileStatsMatcher({ matcher: { kind: 'reject_all', rejectAll: true } })), []);
  assert.deepEqual(NAMES.filter(compileStatsMatcher({ matcher: { kind: 'reject_all', rejectAll: false } })), NAMES);
});

test('an inclusion list keeps what one of its patterns matches, an exclusion list the rest', () => {
  const patterns: StringMatcher[] = [
    { kind: 'prefix', value: 'cluster.', ignoreCase: false },
    { kind: 'exact', value: 'HTTP.in.X', ignoreCase: true },
  ];
  assert.deepEqual(NAMES.filter(compileStatsMatcher({ matcher: { kind: 'inclusion', patterns } })), NAMES.slice(0, 2));
  assert.deepEqual(NAMES.filter(compileStatsMatcher({ matcher: { kind: 'exclusion', patterns } })), NAMES.slice(2));
});

test('suffix, contains and whole regular expressions', () => {
  const kept = (pattern: StringMatcher) =>
    NAMES.filter(compileStatsMatcher({ matcher: { kind: 'inclusion', patterns: [pattern] } }));
  assert.deepEqual(kept({ kind: 'suffix', value: '_total', ignoreCase: false }), [NAMES[0]]);
  assert.deepEqual(kept({ kind: 'contains', value: 'er.', ignoreCase: false }), [NAMES[0], NAMES[2]]);
  assert.deepEqual(kept({ kind: 'regex', regex: 'server' }), []);
  assert.deepEqual(kept({ kind: 'regex', regex: 'server\\..*|http.*' }), NAMES.slice(1));
});

test('the first bucket setting that matches a histogram gives its bounds', () => {
  const prefix = (value: string) => ({ kind: 'prefix', value, ignoreCase: false }) as const;
  const buckets = histogramBuckets([
    { match: prefix('cluster.a.'), buckets: [1, 2] },
    { match: prefix('cluster.'), buckets: [3] },
  ]);
  assert.deepEqual([buckets('cluster.a.x'), buckets('cluster.b.x')], [[1, 2], [3]]);
  assert.equal(buckets('http.in.x').length, 19);
});
