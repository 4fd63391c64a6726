/**
 * Packs golden data: `tools/node test/golden/pack.ts FOLDER`, where FOLDER holds a folder for each scenario. Of one with commands.tsv, which says
 * which command printed each file, dumps and outputs go to test/golden/istioctl; of one with what istiod pushed to proxies (*.config.json), a
 * dump of each goes to test/golden/dumps.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { parse } from 'yaml';
import { packageRoot } from '#base/entry.ts';
import type { GoldenScenario } from '#testing/istioctl-golden.ts';

function scenario(folder: string): GoldenScenario {
  const files = readdirSync(folder).filter((name) => /\.(config_dump|clusters)\.json$/.test(name));
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const outputs = new Map<string, number>();
  const commands = read('commands.tsv')
    .trim()
    .split('\n')
    .map((line): GoldenScenario['commands'][number] => {
      const [file, command] = line.split('\t');
      const text = read(file);
      const known = outputs.get(text) ?? outputs.size;
      outputs.set(text, known);
      return [file, command, known];
    });
  return {
    inputs: Object.fromEntries(files.map((name) => [name, JSON.parse(read(name))])),
    outputs: [...outputs.keys()],
    commands,
  };
}

function pack(value: object): Buffer {
  // A window that sees one proxy's dump from the next one's.
  return brotliCompressSync(JSON.stringify(value), { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
}

/** What was pushed to a proxy, as its /config_dump has it. */
function dumpOf(pushed: Record<string, object[] | undefined>, node: object): object {
  const list = (kind: string, type: string, wrap: (resource: object) => object) =>
    (pushed[kind] ?? []).map((resource) => wrap({ '@type': `type.googleapis.com/${type}`, ...resource }));
  const section = (name: string, fields: object) => ({
    '@type': `type.googleapis.com/envoy.admin.v3.${name}`,
    ...fields,
  });
  const cluster = list('clusters', 'envoy.config.cluster.v3.Cluster', (each) => ({ cluster: each }));
  const listener = list('listeners', 'envoy.config.listener.v3.Listener', (each) => ({
    active_state: { listener: each },
  }));
  const route = list('routes', 'envoy.config.route.v3.RouteConfiguration', (each) => ({ route_config: each }));
  const type = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
  const endpoint = list('endpoints', type, (each) => ({ endpoint_config: each }));
  return {
    configs: [
      section('BootstrapConfigDump', { bootstrap: { node } }),
      section('ClustersConfigDump', { dynamic_active_clusters: cluster }),
      section('EndpointsConfigDump', { dynamic_endpoint_configs: endpoint }),
      section('ListenersConfigDump', { dynamic_listeners: listener }),
      section('RoutesConfigDump', { dynamic_route_configs: route }),
    ],
  };
}

function dumps(folder: string): Record<string, object> {
  const proxies = parse(readFileSync(join(folder, 'proxies.yaml'), 'utf8')) as {
    name: string;
    id: string;
    metadata: object;
  }[];
  const found = proxies.map(({ name, id, metadata }) => {
    const pushed = JSON.parse(readFileSync(join(folder, `${name}.config.json`), 'utf8'));
    return [name, dumpOf(pushed, { id, metadata })] as const;
  });
  return Object.fromEntries(found);
}

function write(kind: string, name: string, packed: Buffer): void {
  const target = join(packageRoot, 'test/golden', kind);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, `${name}.json.br`), packed);
  console.log(`${kind}/${name}: ${packed.length} bytes`);
}

if (import.meta.main) {
  const [folder, ...wanted] = process.argv.slice(2);
  if (folder === undefined) throw new Error('which folder?');
  for (const name of wanted.length === 0 ? readdirSync(folder) : wanted) {
    if (existsSync(join(folder, name, 'commands.tsv'))) write('istioctl', name, pack(scenario(join(folder, name))));
    else if (existsSync(join(folder, name, 'proxies.yaml'))) write('dumps', name, pack(dumps(join(folder, name))));
  }
}
