/**
 * Bundles the program into dist/: one file for each thing that a process or thread starts with, the rest in chunks that
 * load when they are first imported. bin/fairlead runs the build for as long as no source is newer.
 */
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { buildSnapshot } from './build-snapshot.ts';
import { builtInModules } from './built-in-modules.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const started = new Date();

/** Sources by the name of their build, as `entryPath` of src/base/entry.ts expects them. */
const entries: Record<string, string> = { fairlead: 'src/cli/main.ts', xds: 'src/control/xds/index.ts' };
for (const file of [
  'src/proxy/worker-thread.ts',
  'src/proxy/guard-dog-thread.ts',
  ...globSync('samples/*/*.ts', { cwd: root }),
]) {
  if (existsSync(join(root, file)) && !file.endsWith('.test.ts')) entries[file.replace(/\.ts$/, '')] = file;
}

rmSync(dist, { recursive: true, force: true });
// What was compiled of older builds would stay there for ever.
rmSync(join(root, '.cache/compile'), { recursive: true, force: true });
mkdirSync(dist);
const result = await build({
  absWorkingDir: root,
  entryPoints: entries,
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  chunkNames: '[name]-[hash]',
  minifySyntax: true,
  legalComments: 'none',
  metafile: true,
  plugins: [builtInModules()],
  logLevel: 'warning',
  // Packages in CommonJS ask for Node's own modules by `require`.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module';const require = requireOf(import.meta.url);",
  },
});
copyFileSync(join(root, 'src/api/envoy-api.binpb.gz'), join(dist, 'envoy-api.binpb.gz'));
writeFileSync(join(dist, 'third-party-licenses.txt'), licenses(result.metafile));
const snapshotBytes = await buildSnapshot(root, dist);
// Whatever is saved while this runs is newer than the build.
utimesSync(join(dist, 'fairlead.js'), started, started);

const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
const snapshot = snapshotBytes === undefined ? 'none' : `${(snapshotBytes / 2 ** 20).toFixed(1)} MB`;
console.log(
  `dist: ${Object.keys(result.metafile.outputs).length} files, ${(bytes / 1024).toFixed(0)} KB; startup snapshot: ${snapshot}`,
);

/** What the licenses of the bundled packages ask for: their text beside the copy. */
function licenses(metafile: Metafile): string {
  const packages = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const found = /^.*node_modules\/(@[^/]+\/[^/]+|[^/]+)/.exec(input);
    if (found !== null) packages.add(found[0]);
  }
  return [...packages].sort().map(license).join('\n');
}

function license(folder: string): string {
  const { name, version, license: kind } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const file = globSync('{LICENSE,LICENCE,license}*', { cwd: join(root, folder) })[0];
  const text = file === undefined ? '' : readFileSync(join(root, folder, file), 'utf8');
  return `${'-'.repeat(80)}\n${name} ${version} (${kind})\n\n${text}`;
}
