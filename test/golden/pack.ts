/**
 * Packs what real istioctl printed into test/golden/istioctl: `tools/node test/golden/pack.ts FOLDER`, where FOLDER holds a folder for each
 * scenario, with dumps (*.config_dump.json, *.clusters.json), outputs, and commands.tsv that says which command made each.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { packageRoot } from '#base/entry.ts';
import type { GoldenScenario } from '#testing/istioctl-golden.ts';

const target = join(packageRoot, 'test/golden/istioctl');

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

function pack(value: GoldenScenario): Buffer {
  // A window that sees one proxy's dump from the next one's.
  return brotliCompressSync(JSON.stringify(value), { params: { [constants.BROTLI_PARAM_LGWIN]: 24 } });
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error('which folder?');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!existsSync(join(folder, name, 'commands.tsv'))) continue;
    const packed = pack(scenario(join(folder, name)));
    writeFileSync(join(target, `${name}.json.br`), packed);
    console.log(`${name}: ${packed.length} bytes`);
  }
}
