/**
 * How bundles get at Node's own modules: by `process.getBuiltinModule`. An import would read each of their exports once, and some load on
 * that: with `node:http` comes a whole client of HTTP, which costs 16 MB that nothing here needs.
 */
import { builtinModules } from 'node:module';
import type { Plugin } from 'esbuild';

/** By the names that sources and packages know them by: `node:net`, `net`. */
const FILTER = new RegExp(`^(node:.*|${builtinModules.filter((name) => /^[a-z0-9]+$/.test(name)).join('|')})$`);

/** @param late modules that a bundle must not load yet when it starts, with the code that stands for them. */
export function builtInModules(late: Readonly<Record<string, string>> = {}): Plugin {
  return {
    name: 'built-in-modules',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: FILTER }, ({ path }) => ({ path: `node:${path.replace('node:', '')}`, namespace: 'node' }));
      onLoad({ filter: /./, namespace: 'node' }, ({ path }) => ({
        contents: late[path] ?? `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      }));
    },
  };
}
