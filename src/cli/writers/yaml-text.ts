/**
 * Trees as YAML, as Go's sigs.k8s.io/yaml prints what it read from JSON: keys sorted, lists not indented, quotes only where they are needed.
 * Follows https://yaml.org/spec/1.1 (what a plain scalar would be taken for).
 */
import { isList, isScalar } from '#cli/writers/json-text.ts';
import type { ProtoTree } from '#cli/writers/proto-tree.ts';

/** With a line break at the end. */
export function yamlText(tree: ProtoTree): string {
  const out: string[] = [];
  writeBlock(tree, '', out);
  return `${out.join('')}`;
}

/** Writes from where the first line stands already indented. */
function writeBlock(given: ProtoTree, indent: string, out: string[]): void {
  const tree = unwrapped(given);
  if (isScalar(tree)) out.push(`${scalar(tree, indent)}\n`);
  else if (isList(tree)) writeItems(tree, indent, out);
  else if (tree.kind === 'list') writeItems(tree.items, indent, out);
  else writeEntries(tree.entries, indent, out);
}

function writeItems(items: readonly ProtoTree[], indent: string, out: string[]): void {
  if (items.length === 0) out.push('[]\n');
  for (const [i, item] of items.entries()) {
    out.push(i === 0 ? '- ' : `${indent}- `);
    writeBlock(item, `${indent}  `, out);
  }
}

function writeEntries(entries: readonly (readonly [string, ProtoTree])[], indent: string, out: string[]): void {
  if (entries.length === 0) out.push('{}\n');
  const sorted = [...entries].sort(([a], [b]) => naturally(a, b));
  for (const [i, [key, given]] of sorted.entries()) {
    const value = unwrapped(given);
    const name = keyText(key);
    out.push(i === 0 ? '' : indent);
    if (name.length > LONGEST_KEY) {
      out.push(`? ${name}\n${indent}: `);
      writeBlock(value, `${indent}  `, out);
      continue;
    }
    out.push(`${name}:`);
    const items = isScalar(value) ? undefined : isList(value) ? value : value.kind === 'list' ? value.items : undefined;
    const entriesOf = isScalar(value) || isList(value) || value.kind === 'list' ? undefined : value.entries;
    if (items !== undefined && items.length > 0) {
      out.push(`\n${indent}`);
      writeItems(items, indent, out);
    } else if (entriesOf !== undefined && entriesOf.length > 0) {
      out.push(`\n${indent}  `);
      writeEntries(entriesOf, `${indent}  `, out);
    } else {
      out.push(' ');
      writeBlock(value, `${indent}  `, out);
    }
  }
}

/** Longer ones are marked as keys. */
const LONGEST_KEY = 128;

function keyText(key: string): string {
  return key.includes('\n') ? doubleQuoted(key) : scalar(key, '');
}

function unwrapped(tree: ProtoTree): ProtoTree {
  return !isScalar(tree) && !isList(tree) && tree.kind === 'value' ? tree.items[0] : tree;
}

/** What YAML 1.1 would take for something else than text. */
const OTHER =
  /^(?:[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[\da-fA-F_]+|[\d][\d_]*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|\.[\d_]+(?:[eE][-+]?\d+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)?|~|<<|=|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)?$/;
const DATE = /^\d{4}-\d{1,2}-\d{1,2}(?:$|[Tt ]\d)/;
const SEXAGESIMAL = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/;
/** A plain scalar may neither begin with these, nor have a comment or the end of a key in it. */
const NOT_PLAIN = /^[\s!&*{}[\],#|>@`"'%]|^[-?:](?:\s|$)|^---|^\.\.\.|: |:$| #|\s$/;
const SPECIAL = /[\p{Cc}\p{Cf}\p{Cs}\u0085\u2028\u2029\ufeff]/u;

function scalar(value: string | number | boolean | null, indent: string): string {
  if (typeof value !== 'string') return typeof value === 'number' ? numberText(value) : String(value);
  if (SPECIAL.test(value.replaceAll('\n', ''))) return doubleQuoted(value);
  if (value.includes('\n')) return literal(value, indent);
  if (OTHER.test(value) || DATE.test(value) || SEXAGESIMAL.test(value)) return `"${value}"`;
  return NOT_PLAIN.test(value) ? `'${value.replaceAll("'", "''")}'` : value;
}

function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return BigInt(value).toString();
  const text = String(value);
  return text.replace(/e([-+])(\d)$/, 'e$10$2');
}

function doubleQuoted(value: string): string {
  const escapes: Record<string, string> = {
    '"': '\\"',
    '\\': '\\\\',
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\0': '\\0',
    '\x1b': '\\e',
  };
  const text = value.replace(/["\\\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    if (Object.hasOwn(escapes, character)) return escapes[character];
    if (code < 0x100) return `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
    return code < 0x10000
      ? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`
      : `\\U${code.toString(16).toUpperCase().padStart(8, '0')}`;
  });
  return `"${text}"`;
}

/** Lines below one another, with a mark that says how it ends. */
function literal(value: string, indent: string): string {
  if (/^[ \n]/.test(value) || /[ \n]\n$/.test(value)) return doubleQuoted(value);
  const ends = value.endsWith('\n');
  const lines = (ends ? value.slice(0, -1) : value).split('\n');
  return `|${ends ? '' : '-'}${lines.map((line) => (line === '' ? '\n' : `\n${indent === '' ? '  ' : indent}${line}`)).join('')}`;
}

/** Go's yaml sorts keys with numbers in them by number, and letters after everything else. */
function naturally(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < left.length && i < right.length; i++) {
    if (left[i] === right[i]) continue;
    const letters = [isLetter(left[i]), isLetter(right[i])];
    if (letters[0] && letters[1]) return left[i] < right[i] ? -1 : 1;
    if (letters[0] || letters[1]) return letters[0] ? 1 : -1;
    const numbers = [digitsAt(left, i), digitsAt(right, i)];
    if (numbers[0] !== '' && numbers[1] !== '' && BigInt(numbers[0]) !== BigInt(numbers[1]))
      return BigInt(numbers[0]) < BigInt(numbers[1]) ? -1 : 1;
    return left[i] < right[i] ? -1 : 1;
  }
  return left.length - right.length;
}

function isLetter(character: string): boolean {
  return /\p{L}/u.test(character);
}

function digitsAt(characters: readonly string[], from: number): string {
  let end = from;
  while (end < characters.length && /\d/.test(characters[end])) end++;
  return characters.slice(from, end).join('');
}
