/**
 * Makes dist/fairlead.blob: a startup snapshot of Node with the program in it, so that `fairlead proxy` and `explain` start in a third of
 * the time and with 20 MB less. Beside it lies what it is good for (dist/fairlead.blob.for), which bin/fairlead compares.
 * Follows https://nodejs.org/api/cli.html#--build-snapshot-config
 */
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { anonymousMemory, PAGE } from '#cli/snapshot-pages.ts';
import { builtInModules } from './built-in-modules.ts';
import { LATE } from './late-modules.ts';

/** Makes it in `folder`. @returns the size of the snapshot in bytes; undefined where none can be made, which only makes starts slower. */
export async function buildSnapshot(root: string, folder: string): Promise<number | undefined> {
  const target = currentTarget(root);
  if (target === undefined) return undefined;
  const main = join(root, 'dist/fairlead.js');
  const script = join(folder, 'snapshot-main.js');
  const blob = join(folder, 'fairlead.blob');
  await build({
    absWorkingDir: root,
    entryPoints: ['src/cli/snapshot-main.ts'],
    outfile: script,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node26',
    minifySyntax: true,
    // The text stays in the heap. Names stay as they are, for the sake of stack traces.
    minifyWhitespace: true,
    legalComments: 'none',
    plugins: [builtInModules(LATE)],
    logLevel: 'warning',
    // A script has no import.meta; the files that it is asked for lie where those of dist/fairlead.js do.
    define: {
      'import.meta.url': JSON.stringify(pathToFileURL(main).href),
      'import.meta.resolve': 'resolvePackage',
    },
    banner: {
      js: `const resolvePackage = (name) => process.getBuiltinModule('node:url').pathToFileURL(process.getBuiltinModule('node:module').createRequire(${JSON.stringify(main)}).resolve(name)).href;`,
    },
  });
  const config = join(folder, 'snapshot.json');
  writeFileSync(config, JSON.stringify({ builder: script, withoutCodeCache: true }));
  const made = spawnSync(process.execPath, ['--snapshot-blob', blob, '--build-snapshot-config', config], {
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  rmSync(config);
  rmSync(script);
  if (made.status !== 0) {
    rmSync(blob, { force: true });
    console.error(`no startup snapshot: ${made.stderr}`);
    return undefined;
  }
  writeFileSync(`${blob}.for`, target);
  await writePages(blob, main);
  return statSync(blob).size;
}

/** The pages that a process started from the snapshot holds of it, for src/cli/snapshot-pages.ts. Without them processes are larger. */
async function writePages(blob: string, main: string): Promise<void> {
  const run = ['proxy', '--config-yaml', '{}', '--use-dynamic-base-id', '--concurrency', '1', '-l', 'info'];
  const child = spawn(process.execPath, ['--snapshot-blob', blob, main, ...run], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    await running(child);
    const pages = heldPages(readFileSync(blob), child.pid as number);
    if (pages === undefined) throw new Error('it was not found in that of one');
    writeFileSync(`${blob}.pages`, pages);
  } catch (error) {
    console.error(`processes will hold the startup snapshot in memory: ${(error as Error).message}`);
  } finally {
    child.kill('SIGKILL');
  }
}

/** Hears the line of the log that says that all is loaded. */
async function running({ stderr }: ChildProcessByStdio<null, null, Readable>): Promise<void> {
  for await (const line of createInterface(stderr)) if (line.includes('starting workers')) return;
  throw new Error('it does not run');
}

/**
 * The whole pages of memory that are the same as a part of the snapshot. They begin right behind the first, where malloc's header is, and
 * are nearly all of it: less would be the likeness of something else.
 */
function heldPages(snapshot: Buffer, pid: number): Buffer | undefined {
  const least = snapshot.length * 0.95;
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const { start, length } of anonymousMemory(readFileSync(`/proc/${pid}/maps`, 'utf8'), least)) {
      const held = Buffer.alloc(length - PAGE);
      readSync(memory, held, 0, held.length, start + BigInt(PAGE));
      const from = snapshot.indexOf(held.subarray(0, PAGE));
      if (from === -1) continue;
      let size = PAGE;
      while (
        size + PAGE <= held.length &&
        held.compare(snapshot, from + size, from + size + PAGE, size, size + PAGE) === 0
      )
        size += PAGE;
      if (size >= least) return snapshot.subarray(from, from + size);
    }
  } finally {
    closeSync(memory);
  }
  return undefined;
}

/** Where a snapshot starts: this folder, this Node, and a processor with the same features, which V8 insists on. */
function currentTarget(root: string): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/proc/cpuinfo')) return undefined;
  const features = /^(flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return features === null ? undefined : `${root}\n${process.execPath}\n${features[0]}\n`;
}
