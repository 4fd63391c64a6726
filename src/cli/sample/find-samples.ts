/**
 * Finds samples by name: every folder under samples/ with a sample.ts is one.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { entryPath, packageRoot } from '#base/entry.ts';
import type { Sample } from '#cli/sample/sample.ts';

/** The names of all samples, sorted. */
export function sampleNames(): string[] {
  const folder = join(packageRoot, 'samples');
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'sample.ts')))
    .sort();
}

/** @param name one of {@link sampleNames}. */
export async function loadSample(name: string): Promise<Sample> {
  const module = await import(pathToFileURL(entryPath(`samples/${name}/sample`)).href);
  return module.sample;
}

/** A file of a sample that is not code: its bootstrap. */
export function samplePath(name: string, file: string): string {
  return join(packageRoot, 'samples', name, file);
}
