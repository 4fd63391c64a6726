import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typed } from '#testing/bootstrap.ts';
import { errorsOf, load, warningsOf } from '#testing/load-config.ts';

test('an empty bootstrap runs with the defaults of Envoy', () => {
  const { snapshot } = load({});
  assert.equal(snapshot.statsFlushInterval, 5000);
  assert.equal(snapshot.statsFlushOnAdmin, false);
  assert.deepEqual([snapshot.listeners, snapshot.clusters], [[], []]);
});

test('stats are flushed as often as configured, or when somebody looks', () => {
  assert.equal(load({ stats_flush_interval: '0.5s' }).snapshot.statsFlushInterval, 500);
  assert.equal(load({ stats_flush_on_admin: true }).snapshot.statsFlushOnAdmin, true);
  assert.deepEqual(errorsOf({ stats_flush_interval: '1s', stats_flush_on_admin: true }), [
    'stats_flush_on_admin: Only one of stats_flush_interval or stats_flush_on_admin should be set!',
  ]);
});

test('the version among the stats can be set', () => {
  assert.equal(load({ stats_server_version_override: 7 }).snapshot.statsServerVersionOverride, 7);
});

test('RE2 is the regex engine', () => {
  const engine = (type: string) => ({ default_regex_engine: { name: 'e', typed_config: typed(type) } });
  assert.deepEqual(errorsOf(engine('extensions.regex_engines.v3.GoogleRE2')), []);
  assert.deepEqual(errorsOf(engine('extensions.regex_engines.v3.Hyperscan')).length, 1);
  assert.match(errorsOf(engine('extensions.filters.http.router.v3.Router')).join(), /'e'/);
});

test('dynamic_resources may be empty; files that they name must be there', () => {
  assert.deepEqual(errorsOf({ dynamic_resources: {} }), []);
  assert.deepEqual(errorsOf({ dynamic_resources: { lds_config: { path: '/x' } } }), [
    "dynamic_resources.lds_config.path: paths must refer to an existing path in the system: '/x' does not exist",
  ]);
});

test('what has no counterpart here is warned of', () => {
  assert.match(
    warningsOf({ enable_dispatcher_stats: true }).join(),
    /^enable_dispatcher_stats: field 'enable_dispatcher_stats' has no effect/,
  );
});
