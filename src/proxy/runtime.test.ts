import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Json } from '#config/model/route.ts';
import type { RuntimeLayer } from '#config/model/snapshot.ts';
import { StatsHub } from '#proxy/observe/stats/stats-hub.ts';
import { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';
import { Runtime } from '#proxy/runtime.ts';
import { type RuntimeSnapshot, RuntimeView } from '#selection/runtime-view.ts';

function start(t: TestContext, layers: RuntimeLayer[], serviceCluster = '') {
  const [stats, hub, warnings] = [new ThreadStats(), new StatsHub(), [] as string[]];
  hub.attach(0, stats);
  const warn = (message: string) => void warnings.push(message);
  const runtime = new Runtime({ layers, serviceCluster, scope: stats.root, warn });
  t.after(() => runtime.close());
  return { runtime, hub, warnings, view: () => new RuntimeView(structuredClone(runtime.snapshot)) };
}

const layer = (name: string, values: { [key: string]: Json }): RuntimeLayer => ({ name, kind: 'static', values });

test('nested values of a static layer are reached by keys with dots, and later layers win', (t) => {
  const { view, hub } = start(t, [layer('a', { x: { y: 1, z: true } }), layer('b', { 'x.y': 2.5 })]);
  assert.equal(view().number('x.y', 0), 2.5);
  assert.equal(view().integer('x.y', 7), 2);
  assert.equal(view().feature('x.z', false), true);
  assert.equal(view().number('none', 3), 3);
  assert.deepEqual([hub.gauge('runtime.num_keys'), hub.gauge('runtime.num_layers')], [2, 2]);
});

test('a fraction is taken from its key: as a fraction, as whole percents, else as configured', (t) => {
  const { view, runtime } = start(t, [
    layer('a', {
      frac: { numerator: 5, denominator: 'TEN_THOUSAND' },
      n: 10.7,
    }),
    { name: 'admin', kind: 'admin' },
  ]);
  runtime.modify([['text', 'numerator: 50\ndenominator: HUNDRED']]);
  const enabled = (runtimeKey: string, random: number) =>
    view().enabled({ numerator: 1, denominator: 100, runtimeKey }, random);
  assert.deepEqual([enabled('frac', 4), enabled('frac', 5), enabled('frac', 10_004)], [true, false, true]);
  assert.deepEqual([enabled('text', 49), enabled('text', 50)], [true, false]);
  assert.deepEqual([enabled('n', 9), enabled('n', 10)], [true, false]);
  assert.deepEqual([enabled('', 0), enabled('none', 1)], [true, false]);
});

test('a text is read as YAML: numbers in every base, switches, fractions; a static layer says its numbers itself', (t) => {
  const { runtime, view } = start(t, [
    layer('a', { big: 1_234_567, tiny: 1e-7, word: 'true', none: {} }),
    { name: 'admin', kind: 'admin' },
  ]);
  const texts = { hex: '0x10', octal: '010', exp: '1e2', half: '.5 ', yes: 'On', no: '0', tab: '\t8', said: '7 # why' };
  runtime.modify([
    ...Object.entries(texts),
    ['quoted', '"7"'],
    ['extra', '{numerator: 1, more: 2}'],
    ['noted', '.5 # why'],
  ]);
  const number = (key: string) => view().number(key, -1);
  assert.deepEqual(Object.keys(texts).map(number), [16, 8, 100, 0.5, -1, 0, 8, 7]);
  assert.deepEqual([number('quoted'), number('noted'), runtime.snapshot.values.extra.fraction], [-1, -1, undefined]);
  const feature = (key: string) => [view().feature(key, false), view().feature(key, true)];
  assert.deepEqual(feature('yes'), [true, true]);
  assert.deepEqual(feature('no'), [false, false]);
  assert.deepEqual(feature('hex'), [true, true]);
  assert.deepEqual(feature('half'), [false, true]);
  assert.deepEqual(feature('word'), [false, true]);
  const { big, tiny, none } = runtime.snapshot.values;
  assert.deepEqual([big.raw, big.number, tiny.raw, none.raw], ['1.23457e+06', 1_234_567, '1e-07', '{}']);
});

test('overrides need an admin layer, reach subscribers, and go with an empty value', (t) => {
  const { runtime, view, hub } = start(t, [layer('a', { x: 1 }), { name: 'admin', kind: 'admin' }]);
  const seen: RuntimeSnapshot[] = [];
  runtime.subscribe((snapshot) => void seen.push(snapshot));
  assert.equal(runtime.modify([['x', '5']]), undefined);
  assert.equal(view().number('x', 0), 5);
  assert.equal(hub.gauge('runtime.admin_overrides_active'), 1);
  runtime.modify([['x', '']]);
  assert.equal(view().number('x', 0), 1);
  assert.equal(hub.gauge('runtime.admin_overrides_active'), 0);
  assert.deepEqual(
    seen.map(({ values }) => values.x.number),
    [5, 1],
  );
  assert.equal(start(t, []).runtime.modify([['x', '5']]), 'No admin layer specified');
});

test('a disk layer is a folder of files, read again when the link to it is swapped', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-runtime-'));
  for (const [version, percent] of [
    ['v1', '10'],
    ['v2', '20'],
  ]) {
    mkdirSync(join(root, version, 'envoy/health_check'), { recursive: true });
    writeFileSync(join(root, version, 'envoy/health_check/min_interval'), `# milliseconds\n${percent}\n`);
  }
  symlinkSync('v1', join(root, 'current'));
  const disk = { name: 'd', kind: 'disk', symlinkRoot: join(root, 'current'), subdirectory: 'envoy' } as const;
  const { runtime, view } = start(t, [{ ...disk, appendServiceCluster: false }]);
  assert.equal(view().number('health_check.min_interval', 0), 10);
  const swapped = new Promise<void>((resolve) => {
    runtime.subscribe(({ values }) => {
      if (values['health_check.min_interval']?.number === 20) resolve();
    });
  });
  symlinkSync('v2', join(root, 'next'));
  // As operators do it: the new link takes the old one's place in one step.
  renameSync(join(root, 'next'), join(root, 'current'));
  await swapped;
  assert.equal(view().number('health_check.min_interval', 0), 20);
});

test('a disk layer that is not there, or cannot be read, is left out; the latter is counted and told', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-runtime-'));
  writeFileSync(join(root, 'cluster'), 'not a folder');
  const disk = { name: 'd', kind: 'disk', symlinkRoot: root, subdirectory: '', appendServiceCluster: true } as const;
  const missing = start(t, [disk], 'nowhere');
  assert.deepEqual(missing.runtime.snapshot, { layers: [], values: {} });
  assert.equal(missing.hub.counter('runtime.load_success'), 1);
  const broken = start(t, [disk], 'cluster');
  assert.equal(broken.hub.counter('runtime.load_error'), 1);
  assert.match(broken.warnings[0], /^error loading runtime values from file: .*cluster/);
});
