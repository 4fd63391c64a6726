/**
 * YAML as Envoy reads it, into plain values, and the way back from a field to its line.
 * Envoy takes YAML 1.1 scalars through yaml-cpp: `yes`, `Off` and `n` are booleans, `010` is 8, decimals stay text until a field of a
 * number type takes them, and integers beyond 32 bits are text. Quoted scalars are text. There are no merge keys (`<<` is a name like
 * any other), and of several documents the first counts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/bootstrap and what Envoy 1.40 does.
 */
import type { Document, Node, Pair } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar } from 'yaml';
import { camelCase } from '#api/field-names.ts';
import type { FoundRange } from '#api/json-source.ts';
import type { PathStep } from '#api/place.ts';
import type { Problem } from '#api/problems.ts';
import { ConfigError } from '#api/problems.ts';

/** The values of a YAML text, and what in it is doubtful. */
export interface YamlTree {
  tree: unknown;
  warnings: Problem[];
}

/** @throws ConfigError with every syntax error. */
export function parseYaml(text: string, name: string): YamlTree {
  const { document, lines, errors, others } = readYaml(text);
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (errors.length > 0) {
    throw new ConfigError(
      errors.map((error) => ({
        severity: 'error',
        file: name,
        ...at(error.pos[0]),
        length: 1,
        path: '',
        message: `this is not YAML: ${error.message.split('\n')[0].replace(/ at line \d+, column \d+:?$/, '')}`,
      })),
    );
  }
  const warnings: Problem[] = [];
  const warn = (offset: number, length: number, message: string) =>
    warnings.push({ severity: 'warning', file: name, ...at(offset), length, path: '', message });
  const tree = new TreeBuilder(document, warn).build();
  if (others !== undefined) warn(others, 1, 'only the first of several YAML documents is read');
  return { tree, warnings };
}

/** Where the field at `steps` stands in the text; undefined if the text is not YAML. */
export function locateYaml(text: string, steps: readonly PathStep[]): FoundRange | undefined {
  const { document } = readYaml(text);
  let node = resolved(document, document.contents);
  let key: Node | undefined;
  for (let depth = 0; depth < steps.length; depth++) {
    const step = steps[depth];
    if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step] as Node | undefined;
      if (item === undefined) return rangeOf(key, node, false);
      node = resolved(document, item);
      key = undefined;
    } else if (isMap(node)) {
      const pair = pairOf(node.items as Pair<Node, Node | null>[], String(step));
      if (pair === undefined) return rangeOf(key, node, false);
      key = pair.key;
      node = resolved(document, pair.value);
    } else if (step !== 0) {
      // A single value where a list is meant has the place of the list's first element.
      return rangeOf(key, node, false);
    }
  }
  return rangeOf(key, node, true);
}

/** The first document. `failsafe` leaves every scalar as its text; what it means is ours to say. */
function readYaml(text: string) {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  const documents = 'empty' in parsed ? [] : parsed;
  const document = documents[0] as Document.Parsed | undefined;
  return {
    document: document ?? ({ contents: null, anchors: new Map() } as unknown as Document.Parsed),
    lines,
    errors: document?.errors ?? [],
    others: documents[1]?.range[0],
  };
}

/** Turns nodes into plain values. Anchors resolve to the value built where they were set, as `yaml` would with `toJS`. */
class TreeBuilder {
  readonly #document: Document.Parsed;
  readonly #warn: (offset: number, length: number, message: string) => void;
  readonly #anchors = new Map<string, unknown>();

  constructor(document: Document.Parsed, warn: (offset: number, length: number, message: string) => void) {
    this.#document = document;
    this.#warn = warn;
  }

  build(): unknown {
    return this.#value(this.#document.contents);
  }

  #value(node: Node | null | undefined): unknown {
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#anchors.get(node.source) ?? null;
    const value = isMap(node) ? this.#map(node.items as Pair<Node, Node | null>[]) : this.#other(node);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, value);
    return value;
  }

  #other(node: Node): unknown {
    if (isSeq(node)) return node.items.map((item) => this.#value(item as Node));
    return isScalar(node) ? scalarValue(node) : null;
  }

  #map(pairs: Pair<Node, Node | null>[]): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const pair of pairs) {
      const name = keyText(pair.key);
      if (Object.hasOwn(map, name)) {
        this.#warn(pair.key.range?.[0] ?? 0, name.length, `'${name}' is given twice; the last one holds`);
      }
      setOwn(map, name, this.#value(pair.value));
    }
    return map;
  }
}

/** Sets a key that a user chose: `__proto__` becomes an ordinary key. */
function setOwn(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  else map[key] = value;
}

const NULL = /^(?:~|null|Null|NULL|)$/;
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER = /^([-+]?)(?:(0[xX][0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))$/;
const INT64 = 1n << 63n;

function scalarValue(node: Scalar): unknown {
  const text = String(node.value ?? '');
  if (node.type !== Scalar.PLAIN && node.type !== undefined) return text;
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  const integer = INTEGER.exec(text);
  return integer === null ? text : integerValue(text, integer);
}

function integerValue(text: string, [, sign, hex, octal, decimal]: RegExpExecArray): unknown {
  const magnitude = BigInt(hex ?? (octal === undefined ? decimal : octal === '0' ? '0' : `0o${octal.slice(1)}`));
  const value = sign === '-' ? -magnitude : magnitude;
  if (value < -INT64 || value >= INT64) return text;
  const small = Number(value);
  return small === (small | 0) ? small : value.toString();
}

function keyText(key: Node | null): string {
  return isScalar(key) ? String(key.value ?? '') : String(key);
}

function resolved(document: Document.Parsed, node: Node | null | undefined): Node | undefined {
  return isAlias(node) ? node.resolve(document) : (node ?? undefined);
}

/** The last pair whose key is `name`, else the last whose key is its other spelling. */
function pairOf(pairs: Pair<Node, Node | null>[], name: string): Pair<Node, Node | null> | undefined {
  const exact = pairs.findLast((pair) => keyText(pair.key) === name);
  return exact ?? pairs.findLast((pair) => camelCase(keyText(pair.key)) === camelCase(name));
}

function rangeOf(key: Node | undefined, node: Node | undefined, found: boolean): FoundRange | undefined {
  const value = node?.range ?? undefined;
  const name = key?.range ?? undefined;
  const collection = isMap(node) || isSeq(node);
  const start = value?.[0] ?? name?.[0];
  if (start === undefined) return undefined;
  const scalar =
    value === undefined || collection ? undefined : { start: value[0], end: Math.max(value[1], value[0] + 1) };
  return {
    found,
    key: name === undefined ? undefined : { start: name[0], end: name[1] },
    value: scalar ?? firstOf(node, start),
    scalar: scalar !== undefined,
  };
}

/** A collection is shown by its first key, or its first character. */
function firstOf(node: Node | undefined, start: number): { start: number; end: number } {
  const first = isMap(node) && !node.flow ? (node.items[0]?.key as Node | undefined)?.range : undefined;
  return first ? { start: first[0], end: first[1] } : { start, end: start + 1 };
}
