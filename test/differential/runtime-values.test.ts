/**
 * Values of the runtime as texts in files: what each means where a share of requests is asked for, and what follows when the link is swapped.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answering, bootstrap, httpListener, type Json, routeConfig } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';

/** Each comes to all requests, none, or is no share at all. */
const TEXTS = [
  ['0', '0.9', '100', '100.5', '-5', '+100', '0x64', '1e2', '0x64p0', '.5', '18446744073709551615', '1,000'],
  ['100 # c', '.5 # c', '# c\n100', '100\n# c\n', '100\n\n', 'a\nb\n', ' 100 ', '\t100', '"100"', 'true', '', '#'],
  [
    '{}',
    '{numerator: 100}',
    '{"numerator": 100, "denominator": "HUNDRED"}',
    'numerator: 100',
    '{denominator: MILLION}',
  ],
  [
    '{numerator: "100"}',
    '{numerator: 100.0}',
    '{numerator: -1}',
    '{numerator: 100, denominator: NONE}',
    '{n: 1}',
    '[100]',
  ],
].flat();

const CONFIGURED = [
  0,
  100,
  0.9,
  1_234_567,
  true,
  '100',
  'true',
  '{numerator: 100}',
  {},
  { numerator: 100 },
  { n: 100 },
];

/** Two routes for a key: with nothing and with everything as what holds where the key does not say. */
function routes(key: string): Json[] {
  return [0, 100].map((numerator) =>
    answering(key, {
      path: `/${key}/${numerator}`,
      runtime_fraction: { runtime_key: key, default_value: { numerator } },
    }),
  );
}

async function shares(proxy: RunningProxy, keys: string[]): Promise<string[]> {
  const wire = await proxy.connect();
  const seen: string[] = [];
  for (const key of keys) {
    let statuses = '';
    for (const fallback of [0, 100]) {
      await wire.send(`GET /${key}/${fallback} HTTP/1.1\r\nhost: a\r\n\r\n`);
      statuses += ` ${(await wire.response()).status}`;
    }
    seen.push(`${key}${statuses}`);
  }
  wire.destroy();
  return seen;
}

const STATS = '^runtime\\.(load|num|override)';

async function observe(t: TestContext, kind: ProxyKind): Promise<unknown> {
  const folder = temporaryFolder(t);
  const texts = Object.fromEntries([...TEXTS, ...CONFIGURED].map((value, i) => [`k${i}`, value]));
  const keys = Object.keys(texts);
  for (const [name, files] of [
    ['v1', TEXTS],
    ['v2', ['100', '0']],
  ] as const) {
    mkdirSync(join(folder, name, '.hidden'), { recursive: true });
    for (const [i, text] of files.entries()) writeFileSync(join(folder, name, `k${i}`), text);
    writeFileSync(join(folder, name, '.hidden', '.file'), 'seen');
  }
  const link = join(folder, 'now');
  const swap = (to: string) => {
    symlinkSync(join(folder, to), join(folder, 'next'));
    renameSync(join(folder, 'next'), link);
  };
  swap('v1');
  const disk = { name: 'disk', disk_layer: { symlink_root: link } };
  const more = { name: 'more', disk_layer: { symlink_root: link, subdirectory: 'none' } };
  const values = Object.fromEntries(CONFIGURED.map((value, i) => [`k${TEXTS.length + i}`, value]));
  const layers = [{ name: 'static', static_layer: values }, disk, more, { name: 'admin', admin_layer: {} }];
  const listener = httpListener({ manager: routeConfig(keys.flatMap(routes)) });
  const proxy = await startProxy(t, bootstrap([listener], [], { layered_runtime: { layers } }), { kind });
  const told = async () => {
    const { layers, entries } = JSON.parse((await proxy.get('/runtime')).body) as { layers: string[]; entries: Json };
    // Envoy shows a map as the text of a message, which is not the same in any two processes.
    for (const [key, value] of Object.entries(values)) if (typeof value === 'object') entries[key] = 'a map';
    return { layers, entries };
  };
  const look = async () => [await shares(proxy, keys), await told(), await proxy.stats(STATS)];
  const seen = [await look()];
  const loads = () => proxy.stat('runtime.load_success');
  const before = await loads();
  swap('v2');
  await eventually('both layers are read again', async () => (await loads()) === before + 2);
  seen.push(await look());
  rmSync(link);
  await proxy.admin.post('/runtime_modify?k0=0&k0=100&new=x');
  seen.push(await look());
  return seen;
}

test('texts of the runtime mean the same, before and after the link is swapped, and when it is gone', async (t) => {
  const [envoy, ours] = await both(t, (kind) => observe(t, kind));
  assert.deepEqual(ours, envoy);
});
