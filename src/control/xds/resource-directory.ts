/**
 * A directory of resources: read whole, watched, and read again whenever something in it changes. What is broken is told with its place,
 * and the last good state stays.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Problem, Problems } from '#api/problems.ts';
import { type FoundResource, loadResources } from '#control/xds/parse-resources.ts';

/** Changes that come within this time are one, in milliseconds: editors write a file in several steps. */
const SETTLE = 50;
const FILES = /\.(?:ya?ml|json)$/i;

export interface DirectoryListener {
  /** Every resource there is. */
  onResources(resources: FoundResource[], warnings: Problem[]): void;
  /** Something is wrong with the files; nothing of them counts. */
  onProblems(problems: Problem[], files: string[]): void;
}

/** The files of a directory that hold resources, folders inside included, in order of their paths. @throws where there is no directory */
export function resourceFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => FILES.test(name) && !name.split('/').some((part) => part.startsWith('.')))
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** Reads the directory once. */
export function readDirectory(directory: string, listener: DirectoryListener): void {
  const problems = new Problems();
  let files: string[] = [];
  let resources: FoundResource[] = [];
  try {
    files = resourceFiles(directory);
    resources = loadResources(files, problems);
  } catch (error) {
    if (error instanceof ConfigError) for (const problem of error.problems) problems.add(problem);
    else problems.add({ severity: 'error', file: directory, path: '', message: (error as Error).message });
  }
  if (problems.errors.length > 0) listener.onProblems(problems.list, files);
  else listener.onResources(resources, problems.warnings);
}

/** Reads it again with each change. @returns what ends that. */
export function watchDirectory(directory: string, listener: DirectoryListener): () => void {
  let timer: NodeJS.Timeout | undefined;
  const watcher: FSWatcher = watch(directory, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => readDirectory(directory, listener), SETTLE);
  });
  watcher.on('error', () => {});
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
