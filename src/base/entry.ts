/**
 * Where the files of this package are, whether it runs from its sources or from the build. A build moves code into
 * chunks, so a path relative to the file that asks would be wrong in one of the two.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const built = !here.endsWith('.ts');

/** The package's folder: the nearest that has a package.json. */
export const packageRoot = rootAbove(dirname(here));

/**
 * The file that another thread or process starts with.
 * @param name path from the package's folder, without suffix: `src/proxy/worker-thread`, `samples/front-proxy/services`.
 * tools/build.ts gives each entry the same name below dist/.
 */
export function entryPath(name: string): string {
  return built ? join(packageRoot, 'dist', `${name}.js`) : join(packageRoot, `${name}.ts`);
}

function rootAbove(folder: string): string {
  let candidate = folder;
  while (!existsSync(join(candidate, 'package.json'))) {
    const parent = dirname(candidate);
    if (parent === candidate) throw new Error(`no package.json above ${folder}`);
    candidate = parent;
  }
  return candidate;
}
