/**
 * Trees as JSON, indented by four spaces and with `<`, `>` and `&` escaped, as Go's encoding/json prints them.
 * Follows https://pkg.go.dev/encoding/json#MarshalIndent
 */
import type { ProtoTree } from '#cli/writers/proto-tree.ts';

const INDENT = '    ';

/** Without a line break at the end. */
export function jsonText(tree: ProtoTree): string {
  const out: string[] = [];
  write(tree, '\n', out);
  return out.join('');
}

function write(tree: ProtoTree, lineStart: string, out: string[]): void {
  if (isScalar(tree)) out.push(scalarJson(tree));
  else if (isList(tree)) writeParts('[]', tree, lineStart, out, (item, start) => write(item, start, out));
  else if (tree.kind === 'value') write(tree.items[0], lineStart, out);
  else if (tree.kind === 'list') writeParts('[]', tree.items, lineStart, out, (item, start) => write(item, start, out));
  else {
    writeParts('{}', tree.entries, lineStart, out, ([name, value], start) => {
      out.push(scalarJson(name), ': ');
      write(value, start, out);
    });
  }
}

function writeParts<T>(
  brackets: string,
  parts: readonly T[],
  lineStart: string,
  out: string[],
  writePart: (part: T, lineStart: string) => void,
): void {
  if (parts.length === 0) {
    out.push(brackets);
    return;
  }
  const inner = lineStart + INDENT;
  out.push(brackets[0]);
  for (const [i, part] of parts.entries()) {
    out.push(i === 0 ? inner : `,${inner}`);
    writePart(part, inner);
  }
  out.push(lineStart, brackets[1]);
}

type Scalar = string | number | boolean | null;

export function isScalar(tree: ProtoTree): tree is Scalar {
  return typeof tree !== 'object' || tree === null;
}

export function isList(tree: ProtoTree): tree is readonly ProtoTree[] {
  return Array.isArray(tree);
}

/** A piece of JSON as Go writes it: for HTML as well. */
export function scalarJson(value: Scalar): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return terminalJson(JSON.stringify(value).replace(/[<>&]/g, unicodeEscape));
}

/** JSON without characters that a terminal obeys: they stand only inside of strings, but for line breaks. */
export function terminalJson(json: string): string {
  return json.replaceAll('\r', '').replace(CONTROL, unicodeEscape);
}

/** What JSON lets stand in a string as it is. */
const CONTROL = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
