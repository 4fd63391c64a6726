import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '#api/problems.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { countWarnings } from '#proxy/observe/stats/warning-stats.ts';

const warning = (kind?: Problem['kind']): Problem => ({
  severity: 'warning',
  file: '',
  path: 'a',
  message: 'b',
  ...(kind === undefined ? {} : { kind }),
});

test('deprecated and unknown fields are counted, each by where they came from; other warnings are not', () => {
  const { root } = new ThreadStats();
  countWarnings([warning('deprecated'), warning('unknown'), warning()], root, 'static');
  countWarnings([warning('unknown'), warning('unknown'), warning('deprecated')], root, 'dynamic');
  assert.equal(root.counter('runtime.deprecated_feature_use').value, 2);
  assert.equal(root.gauge('runtime.deprecated_feature_seen_since_process_start').value, 2);
  assert.equal(root.counter('server.static_unknown_fields').value, 1);
  assert.equal(root.counter('server.dynamic_unknown_fields').value, 2);
});
