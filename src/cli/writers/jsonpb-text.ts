/**
 * Trees as JSON the way Go's jsonpb indents it, which `istioctl proxy-config bootstrap` uses: an empty message has an empty line in it, and
 * maps, lists and the insides of a Struct stand deeper the more messages hide around them.
 * Follows https://pkg.go.dev/github.com/golang/protobuf/jsonpb
 */
import { isList, isScalar, scalarJson } from '#cli/writers/json-text.ts';
import type { ProtoNode, ProtoTree } from '#cli/writers/proto-tree.ts';

const INDENT = '    ';

/** Without a line break at the end. */
export function jsonpbText(tree: ProtoTree): string {
  return message(tree, '');
}

/** @param indent where the message's closing bracket stands. */
function message(tree: ProtoTree, indent: string): string {
  if (isScalar(tree)) return scalarJson(tree);
  if (isList(tree)) return list(tree, indent);
  switch (tree.kind) {
    case 'struct':
    case 'map':
      return map(tree.entries, indent);
    case 'list':
      return list(tree.items, indent);
    case 'value':
      return single(tree.items[0], indent);
    case 'message': {
      const fields = tree.entries.map(
        ([name, value]) => `${indent}${INDENT}${scalarJson(name)}: ${field(value, indent)}`,
      );
      return `{\n${fields.join(',\n')}\n${indent}}`;
    }
  }
}

/** @param indent of the message around the field. */
function field(value: ProtoTree, indent: string): string {
  if (isList(value)) return list(value, indent);
  return !isScalar(value) && value.kind === 'map' ? map(value.entries, indent) : single(value, indent);
}

function single(value: ProtoTree, indent: string): string {
  return isScalar(value) ? scalarJson(value) : message(value, indent + INDENT);
}

function list(items: readonly ProtoTree[], indent: string): string {
  const parts = items.map((item) => `\n${indent}${INDENT}${INDENT}${single(item, indent + INDENT)}`);
  return `[${parts.join(',')}\n${indent}${INDENT}]`;
}

function map(entries: ProtoNode['entries'], indent: string): string {
  const parts = entries.map(
    ([key, value]) => `\n${indent}${INDENT}${INDENT}${scalarJson(key)}: ${single(value, indent + INDENT)}`,
  );
  return `{${parts.join(',')}\n${indent}${INDENT}}`;
}
