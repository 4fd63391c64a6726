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

const FOLDER = new URL('../test/golden/istioctl/', import.meta.url);

export function goldenScenarios(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json.br'))
    .map((name) => name.replace('.json.br', ''));
}

export function goldenScenario(name: string): GoldenScenario {
  const packed = readFileSync(fileURLToPath(new URL(`${name}.json.br`, FOLDER)));
  return JSON.parse(brotliDecompressSync(packed).toString());
}

/** The words of a command line, which has no other quotes than single ones. */
export function shellWords(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
}
