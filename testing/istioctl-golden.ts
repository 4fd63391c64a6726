/**
 * What real istioctl prints for dumps of real Istio: packed by test/golden/pack.ts into test/golden/istioctl, a file for each scenario.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';

export interface GoldenScenario {
  /** Config dumps and answers of /clusters?format=json, by file name. */
  inputs: Record<string, unknown>;
  /** What commands printed: their standard output and standard error. */
  outputs: string[];
  /** The name of a file of output, the command line, and which of the outputs it is. */
  commands: [file: string, command: string, output: number][];
}

const GOLDEN = new URL('../test/golden/', import.meta.url);
const FOLDER = new URL('istioctl/', GOLDEN);

export function goldenScenarios(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json.br'))
    .map((name) => name.replace('.json.br', ''));
}

export function goldenScenario(name: string): GoldenScenario {
  return unpacked(new URL(`${name}.json.br`, FOLDER)) as GoldenScenario;
}

/** Config dumps of the proxies of a small mesh that real istiod configured, by name. */
export function goldenDumps(mesh: string): Record<string, unknown> {
  return unpacked(new URL(`dumps/${mesh}.json.br`, GOLDEN)) as Record<string, unknown>;
}

function unpacked(file: URL): unknown {
  return JSON.parse(brotliDecompressSync(readFileSync(fileURLToPath(file))).toString());
}

/** The words of a command line, which has no other quotes than single ones. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}
