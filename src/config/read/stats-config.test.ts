import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf, load } from '#testing/load-config.ts';

const stats = (config: unknown) => load({ stats_config: config }).snapshot.stats;

test('without stats_config every stat is there, with the default tags', () => {
  const expected = { tags: [], useAllDefaultTags: true, allowDefaultTagOverrides: false, histogramBuckets: [] };
  assert.deepEqual(load({}).snapshot.stats, expected);
  assert.deepEqual(stats({}), expected);
});

test('tags have an expression, a value, or the name of a default', () => {
  const tags = [
    { tag_name: 'a', regex: '^x((y))' },
    { tag_name: 'b', fixed_value: 'v' },
    { tag_name: 'envoy.cluster_name' },
    { tag_name: 'envoy.response_code', regex: '' },
  ];
  const read = stats({ stats_tags: tags, use_all_default_tags: false, allow_default_tag_overrides: true });
  assert.deepEqual(read, {
    tags: [
      { tagName: 'a', regex: '^x((y))' },
      { tagName: 'b', fixedValue: 'v' },
      { tagName: 'envoy.cluster_name' },
      { tagName: 'envoy.response_code' },
    ],
    useAllDefaultTags: false,
    allowDefaultTagOverrides: true,
    histogramBuckets: [],
  });
});

test('a matcher includes, excludes or rejects all', () => {
  const patterns = { patterns: [{ prefix: 'cluster.' }] };
  const read = [{ kind: 'prefix', value: 'cluster.', ignoreCase: false }];
  assert.deepEqual(stats({ stats_matcher: { inclusion_list: patterns } }).matcher, {
    kind: 'inclusion',
    patterns: read,
  });
  assert.deepEqual(stats({ stats_matcher: { exclusion_list: patterns } }).matcher, {
    kind: 'exclusion',
    patterns: read,
  });
  assert.deepEqual(stats({ stats_matcher: { reject_all: true } }).matcher, { kind: 'reject_all', rejectAll: true });
});

test('buckets are sorted', () => {
  const settings = [{ match: { exact: 'h' }, buckets: [5, 1, 2.5] }];
  assert.deepEqual(stats({ histogram_bucket_settings: settings }).histogramBuckets, [
    { match: { kind: 'exact', value: 'h', ignoreCase: false }, buckets: [1, 2.5, 5] },
  ]);
});

const REFUSED: [what: string, config: unknown, error: string | RegExp][] = [
  [
    'a tag without a value that Envoy does not know',
    { stats_tags: [{ tag_name: 'zz' }] },
    "stats_config.stats_tags[0]: No regex specified for tag specifier and no default regex for name: 'zz'",
  ],
  [
    'a tag without a name',
    { stats_tags: [{ regex: '(a)' }] },
    'stats_config.stats_tags[0].tag_name: tag_name cannot be empty',
  ],
  [
    'an expression that is none',
    { stats_tags: [{ tag_name: 'a', regex: '(' }] },
    /^stats_config\.stats_tags\[0\]\.regex: Invalid regex '\('/,
  ],
  [
    'an empty matcher',
    { stats_matcher: {} },
    "stats_config.stats_matcher.stats_matcher: field 'stats_matcher' is required",
  ],
];
for (const [what, config, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    const errors = errorsOf({ stats_config: config });
    assert.equal(errors.length, 1);
    if (typeof expected === 'string') assert.equal(errors[0], expected);
    else assert.match(errors[0], expected);
  });
}
