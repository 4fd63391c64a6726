import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { UsageError } from '#cli/command.ts';
import { configDiff } from '#cli/commands/config-diff.ts';
import { goldenScenario } from '#testing/istioctl-golden.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

type Section = Record<string, unknown[]> & { '@type': string };

const dump = () =>
  structuredClone(goldenScenario('bookinfo').inputs['reviews-v1.config_dump.json']) as { configs: Section[] };
const section = ({ configs }: { configs: Section[] }, name: string) =>
  configs.find((config) => config['@type'].endsWith(`.${name}ConfigDump`)) as Section;

test('resources that were added, removed and changed are told by name, with the fields', async (t) => {
  const folder = temporaryFolder(t);
  const [a, b] = [join(folder, 'a.json'), join(folder, 'b.json')];
  const [before, after] = [dump(), dump()];
  after.configs.reverse();
  for (const config of after.configs) for (const list of Object.values(config)) if (Array.isArray(list)) list.reverse();
  writeFileSync(a, JSON.stringify(before));
  writeFileSync(b, JSON.stringify(after).replaceAll('2026-01-01', '2027-02-02'));
  assert.deepEqual(await configDiff([a, b], false), { status: 0, out: 'no difference\n', err: '' });

  const clusters = section(after, 'Clusters').dynamic_active_clusters as { cluster: Record<string, unknown> }[];
  const [first] = clusters.splice(0, 1);
  clusters[0].cluster.connect_timeout = '7s';
  section(after, 'Listeners').static_listeners.push({ listener: { name: '\x1bnew' } });
  writeFileSync(b, JSON.stringify(after));
  const { status, out } = await configDiff([a, b], false);
  assert.equal(status, 1);
  assert.equal(
    out,
    `listeners
  + \\x1bnew
clusters
  - ${first.cluster.name}
  ~ ${clusters[0].cluster.name}
      connect_timeout: "10s" -> "7s"
1 removed, 1 added, 1 changed
`,
  );
  const json = JSON.parse((await configDiff([a, b, '-o', 'json'], false)).out);
  assert.deepEqual(json[1].changed, [
    { name: clusters[0].cluster.name, fields: [{ path: 'connect_timeout', before: '10s', after: '7s' }] },
  ]);
  assert.deepEqual(parse((await configDiff([a, b, '--output=yaml'], false)).out), json);
});

test('a mistake in the call or its input has status 2', async (t) => {
  const path = join(temporaryFolder(t), 'a.json');
  writeFileSync(path, '{');
  await assert.rejects(configDiff([path], false), UsageError);
  await assert.rejects(configDiff(['-', '-'], false), UsageError);
  const bad = await configDiff([path, path], false);
  assert.equal(bad.status, 2);
  assert.match(bad.err, /^Error: .*a\.json: error unmarshalling config dump response from Envoy: unexpected end/);
  assert.match((await configDiff([path, '/no/such'], false)).err, /^Error: /);
  assert.match((await configDiff([path, '127.0.0.1:1'], false)).err, /^Error: /);
});
