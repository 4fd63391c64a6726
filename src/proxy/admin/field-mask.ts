/**
 * Field masks on messages that are trees already: which paths are real, and what is left of a tree.
 * Follows https://protobuf.dev/reference/protobuf/google.protobuf/#field-mask
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { typeOfUrl } from '#api/registry.ts';

export type Tree = { [field: string]: unknown };

/** The paths of `a.b,c`. */
export function maskPaths(mask: string): string[] {
  return mask.split(',').filter((path) => path !== '');
}

/** Whether the type has a field at each path. A list can only be the last step. Inside Any the tree's own type counts. */
export function maskFits(type: DescMessage, tree: Tree, paths: readonly string[]): boolean {
  return paths.length > 0 && paths.every((path) => pathFits(type, tree, path.split('.')));
}

function pathFits(type: DescMessage, tree: Tree | undefined, steps: string[]): boolean {
  if (type.typeName === 'google.protobuf.Any') {
    const inner = typeof tree?.['@type'] === 'string' ? typeOfUrl(tree['@type']) : undefined;
    return inner !== undefined && pathFits(inner, tree, steps);
  }
  const [step, ...rest] = steps;
  const field = type.fields.find((one) => one.name === step);
  if (field === undefined) return false;
  if (rest.length === 0) return true;
  if (field.fieldKind !== 'message') return false;
  return pathFits(field.message, tree?.[step] as Tree | undefined, rest);
}

/** The tree with only what the paths name; the types of Any stay. */
export function masked(tree: Tree, paths: readonly string[]): Tree {
  const kept: Tree = {};
  if (tree['@type'] !== undefined) kept['@type'] = tree['@type'];
  for (const path of paths) keep(tree, kept, path.split('.'));
  return kept;
}

function keep(from: Tree, to: Tree, [step, ...rest]: string[]): void {
  const value = from[step];
  if (value === undefined) return;
  if (rest.length === 0 || value === null || typeof value !== 'object') {
    to[step] = value;
    return;
  }
  const inner = value as Tree;
  to[step] ??= inner['@type'] === undefined ? {} : { '@type': inner['@type'] };
  keep(inner, to[step] as Tree, rest);
}
