/**
 * Lays one configuration over another, as Envoy does with `--config-yaml` over `-c`: single values replace, messages merge, lists append,
 * entries of maps replace.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`--config-yaml`) and protobuf's MergeFrom.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { fromBinary } from '@bufbuild/protobuf';
import { toTree } from '#api/encode.ts';
import { camelCase } from '#api/field-names.ts';
import { BAD } from '#api/leaf.ts';
import type { FieldPlan } from '#api/message-plan.ts';
import { messagePlan } from '#api/message-plan.ts';
import type { PathStep } from '#api/place.ts';
import type { Position, Source } from '#api/source.ts';

type Tree = Record<string, unknown>;

/** @param type what the trees mean; without it, every object is taken for a message, and every list for a list of the same field. */
export function mergeTrees(base: unknown, overlay: unknown, type?: DescMessage): unknown {
  if (overlay === null || overlay === undefined) return base;
  if (!isObject(base) || !isObject(overlay) || overlay['@type'] !== undefined) return overlay;
  const merged: Tree = { ...base };
  for (const [name, value] of Object.entries(overlay)) mergeField(merged, name, value, type);
  return merged;
}

/** A source of both, which knows which of them a field comes from. */
export function mergeSources(base: Source, overlay: Source, type: DescMessage): Source {
  const baseTree = treeOf(base, type);
  const overlayTree = treeOf(overlay, type);
  return {
    name: base.name,
    text: base.text,
    tree: mergeTrees(baseTree, overlayTree, type),
    warnings: [...base.warnings, ...overlay.warnings],
    parts: [base, overlay],
    locate(path, part) {
      const [inBase, inOverlay] = split(path, baseTree, overlayTree);
      const below = located(base, inBase, part);
      const above = located(overlay, inOverlay, part);
      return (above?.depth ?? -1) >= (below?.depth ?? -1) ? (above ?? below) : below;
    },
  };
}

function treeOf(source: Source, type: DescMessage): unknown {
  return source.binary === undefined ? source.tree : toTree(type, fromBinary(type, source.binary));
}

function located(
  source: Source,
  path: PathStep[] | undefined,
  part: 'name' | 'value' | undefined,
): Position | undefined {
  const position = path === undefined ? undefined : source.locate(path, part);
  return position === undefined ? undefined : { file: source.name, ...position };
}

function mergeField(merged: Tree, name: string, value: unknown, type: DescMessage | undefined): void {
  const field = type === undefined ? undefined : messagePlan(type).fields.get(name);
  if (value === null || (field !== undefined && isUnset(field, value))) return;
  const key = spelling(merged, name) ?? name;
  if (field !== undefined) clearOneof(merged, field, key);
  const below = merged[key];
  if (below === undefined || below === null) merged[key] = value;
  else if (field?.kind === 'list' || (field === undefined && Array.isArray(below))) merged[key] = [below, value].flat();
  else if (field?.kind === 'map' && isObject(below) && isObject(value)) merged[key] = { ...below, ...value };
  else if (field?.value.leaf !== undefined && !isFree(field)) merged[key] = value;
  else
    merged[key] = isFree(field)
      ? { ...(below as Tree), ...(value as Tree) }
      : mergeTrees(below, value, field?.value.type);
}

/** A zero in a field without presence is as good as nothing, and replaces nothing. */
function isUnset(field: FieldPlan, value: unknown): boolean {
  if (field.kind !== 'one' || field.oneof !== undefined || field.value.type !== undefined) return false;
  const read = field.value.leaf?.read(value);
  return read !== BAD && (read === 0 || read === '' || read === false || read === 0n);
}

/** google.protobuf.Struct: its entries are those of a map. */
function isFree(field: FieldPlan | undefined): boolean {
  return field?.field.message?.typeName === 'google.protobuf.Struct';
}

function clearOneof(merged: Tree, field: FieldPlan, key: string): void {
  if (field.field.oneof === undefined) return;
  for (const other of field.field.oneof.fields) {
    const set = spelling(merged, other.name);
    if (set !== undefined && set !== key) delete merged[set];
  }
}

/** How the tree spells a field that it has. */
function spelling(tree: Tree, name: string): string | undefined {
  if (Object.hasOwn(tree, name)) return name;
  const camel = camelCase(name);
  return Object.keys(tree).find((key) => camelCase(key) === camel);
}

/** The path in the merged tree as a path in each of the two; undefined for one that does not have it. */
function split(
  path: readonly PathStep[],
  base: unknown,
  overlay: unknown,
): [PathStep[] | undefined, PathStep[] | undefined] {
  let below: { tree: unknown; path: PathStep[] } | undefined = { tree: base, path: [] };
  let above: { tree: unknown; path: PathStep[] } | undefined = { tree: overlay, path: [] };
  for (const step of path) {
    if (typeof step === 'number' && below !== undefined && above !== undefined) {
      const count = Array.isArray(below.tree) ? below.tree.length : below.tree === undefined ? 0 : 1;
      if (step < count) above = undefined;
      else below = undefined;
      if (above !== undefined) above = stepInto(above, step - count);
      else if (below !== undefined) below = stepInto(below, step);
    } else {
      below &&= stepInto(below, step);
      above &&= stepInto(above, step);
    }
  }
  return [below?.path, above?.path];
}

function stepInto(at: { tree: unknown; path: PathStep[] }, step: PathStep): { tree: unknown; path: PathStep[] } {
  const { tree } = at;
  const key = isObject(tree) ? spelling(tree, String(step)) : undefined;
  const next = Array.isArray(tree) ? tree[step as number] : key === undefined ? undefined : (tree as Tree)[key];
  return { tree: next, path: [...at.path, step] };
}

function isObject(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
