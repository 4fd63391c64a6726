import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf, load } from '#testing/load-config.ts';

const runtime = (...layers: unknown[]) => ({ layered_runtime: { layers } });

test('layers keep their order', () => {
  const layers = [
    { name: 's', static_layer: { a: { b: 1 } } },
    { name: 'd', disk_layer: { symlink_root: '/dev/rt', subdirectory: 'e', append_service_cluster: true } },
    { name: 'x', admin_layer: {} },
  ];
  assert.deepEqual(load(runtime(...layers)).snapshot.runtime, [
    { name: 's', kind: 'static', values: { a: { b: 1 } } },
    { name: 'd', kind: 'disk', symlinkRoot: '/dev/rt', subdirectory: 'e', appendServiceCluster: true },
    { name: 'x', kind: 'admin' },
  ]);
});

test('an empty list stands for one layer, the admin API; without layered_runtime there is none', () => {
  assert.deepEqual(load({}).snapshot.runtime, []);
  assert.deepEqual(load({ layered_runtime: {} }).snapshot.runtime, [{ name: '', kind: 'admin' }]);
});

const REFUSED: [what: string, layers: unknown[], error: string][] = [
  [
    'two layers of one name',
    [
      { name: 'a', static_layer: {} },
      { name: 'a', admin_layer: {} },
    ],
    'layered_runtime.layers[1].name: Duplicate layer name: a',
  ],
  [
    'two admin layers',
    [
      { name: 'a', admin_layer: {} },
      { name: 'b', admin_layer: {} },
    ],
    'layered_runtime.layers[1].admin_layer: Too many admin layers specified in LayeredRuntime, at most one may be specified',
  ],
  [
    'null',
    [{ name: 'a', static_layer: { x: null } }],
    'layered_runtime.layers[0].static_layer["x"]: Invalid runtime entry value for x',
  ],
  [
    'a list',
    [{ name: 'a', static_layer: { x: { y: [1] } } }],
    'layered_runtime.layers[0].static_layer["x"]["y"]: Invalid runtime entry value for x.y',
  ],
  [
    'a link that hangs nowhere',
    [{ name: 'a', disk_layer: { symlink_root: 'x' } }],
    'layered_runtime.layers[0].disk_layer.symlink_root: invalid file path x',
  ],
  [
    'a link in a folder that is not there',
    [{ name: 'a', disk_layer: { symlink_root: '/not/there/x' } }],
    'layered_runtime.layers[0].disk_layer.symlink_root: unable to add filesystem watch for file /not/there/x: No such file or directory',
  ],
  [
    'a layer of no kind',
    [{ name: 'a' }],
    "layered_runtime.layers[0].layer_specifier: field 'layer_specifier' is required",
  ],
  [
    'RTDS by ADS without an ADS',
    [{ name: 'a', rtds_layer: { name: 'r', rtds_config: { ads: {} } } }],
    'layered_runtime.layers[0].rtds_layer.rtds_config.ads: ADS is not configured: the bootstrap has no ads_config',
  ],
];
for (const [what, layers, error] of REFUSED) {
  test(`refused: ${what}`, () => assert.deepEqual(errorsOf(runtime(...layers)), [error]));
}

test("a switch between Envoy's old and new ways is told to have no effect", () => {
  const { problems } = load(
    runtime({ name: 's', static_layer: { envoy: { reloadable_features: { old: true } }, x: 1 } }),
  );
  assert.deepEqual(
    problems.warnings.map(({ path, message }) => `${path}: ${message}`),
    [
      'layered_runtime.layers[0].static_layer["envoy"]["reloadable_features"]["old"]: ' +
        "runtime key 'envoy.reloadable_features.old' has no effect in Fairlead",
    ],
  );
});
