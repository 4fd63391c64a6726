/**
 * YAML as Envoy reads it, into plain values, and the way back from a field to its line.
 * There are no merge keys (`<<` is a name like any other), the last of two equal keys holds, and of several documents the first counts.
 * Follows https://yaml.org/spec/1.2.2 and what Envoy 1.40 does.
 */
import type { Document, Node, Pair } from 'yaml';
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { camelCase } from '#api/field-names.ts';
import type { FoundRange, Range } from '#api/json-source.ts';
import type { PathStep } from '#api/place.ts';
import type { Problem } from '#api/problems.ts';
import { ConfigError } from '#api/problems.ts';
import { TextLines } from '#api/text-lines.ts';
import { plainValue } from '#api/yaml-scalar.ts';

/** The values of a YAML text, and what in it is doubtful. */
export interface YamlTree {
  tree: unknown;
  warnings: Problem[];
}

type Entry = Pair<Node | null, Node | null>;
type Note = (offset: number, length: number, message: string) => void;

/** @throws ConfigError with every syntax error. */
export function parseYaml(text: string, name: string): YamlTree {
  const { document, errors, next } = readYaml(text);
  const lines = new TextLines(text);
  const problem = (severity: Problem['severity'], offset: number, length: number, message: string): Problem => ({
    severity,
    file: name,
    ...lines.position(offset),
    length,
    path: '',
    message,
  });
  const wrong = errors.map(({ offset, message }) => problem('error', offset, 1, `this is not YAML: ${message}`));
  if (wrong.length > 0) throw new ConfigError(wrong);
  const warnings: Problem[] = [];
  const builder = new TreeBuilder(
    (offset, length, message) => warnings.push(problem('warning', offset, length, message)),
    (offset, length, message) => wrong.push(problem('error', offset, length, message)),
  );
  const tree = builder.value(document?.contents);
  if (wrong.length > 0) throw new ConfigError(wrong);
  if (next !== undefined)
    warnings.push(problem('warning', next, 1, 'only the first of several YAML documents is read'));
  return { tree, warnings };
}

/** Finds fields of a text, which is parsed again for it, once. */
export function yamlLocator(text: string): (steps: readonly PathStep[]) => FoundRange | undefined {
  const { document } = readYaml(text);
  return (steps) => locate(document, steps);
}

function locate(document: Document.Parsed | undefined, steps: readonly PathStep[]): FoundRange | undefined {
  let key: Node | null | undefined;
  let node = resolved(document, document?.contents);
  for (let depth = 0; depth < steps.length; depth++) {
    const step = steps[depth];
    const pair = isMap(node) ? pairOf(node.items as Entry[], String(step)) : undefined;
    const item = isSeq(node) ? (node.items[step as number] as Node | undefined) : undefined;
    // A single value where a list is meant has the place of the list's first element.
    if (pair === undefined && item === undefined && step === 0 && !isSeq(node)) continue;
    if (pair === undefined && item === undefined) return rangeOf(key, node, depth, false);
    key = pair?.key;
    node = resolved(document, pair === undefined ? item : pair.value);
  }
  return rangeOf(key, node, steps.length, true);
}

/** The first document. `failsafe` leaves every scalar as its text; what it means is ours to say. */
function readYaml(text: string) {
  const parsed = parseAllDocuments(text, {
    schema: 'failsafe',
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
  });
  const [document, second] = ('empty' in parsed ? [] : parsed) as Document.Parsed[];
  const errors = document?.errors.map(({ pos, message }) => ({ offset: pos[0], message: syntaxWords(message) })) ?? [];
  return { document, errors, next: second?.range[0] };
}

/** The parser recurses, and reports where its stack ends as a syntax error. */
function syntaxWords(message: string): string {
  return message.includes('call stack') ? 'it is nested too deeply' : message.split('\n')[0];
}

/** Aliases multiply what a text holds; a configuration of this size was not meant. */
const MAX_VALUES = 20_000_000;

/** Turns nodes into plain values. An alias is the very value that was built at its anchor. */
class TreeBuilder {
  readonly #warn: Note;
  readonly #fail: Note;
  readonly #anchors = new Map<string, { value: unknown; size: number }>();
  #values = 0;

  constructor(warn: Note, fail: Note) {
    this.#warn = warn;
    this.#fail = fail;
  }

  value(node: Node | null | undefined): unknown {
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#alias(node.source, node.range?.[0] ?? 0);
    const before = this.#values++;
    const value = this.#content(node);
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, { value, size: this.#values - before });
    return value;
  }

  #content(node: Node): unknown {
    if (isMap(node)) return this.#map(node.items as Entry[]);
    if (isSeq(node)) return node.items.map((item) => this.value(item as Node));
    return isScalar(node) ? plainValue(node) : null;
  }

  #map(entries: Entry[]): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const { key, value } of entries) {
      const offset = key?.range?.[0] ?? 0;
      const name = this.#name(key, offset);
      if (Object.hasOwn(map, name)) this.#warn(offset, name.length, `'${name}' is given twice; the last one holds`);
      const built = this.value(value);
      if (name === '__proto__')
        Object.defineProperty(map, name, { value: built, enumerable: true, configurable: true, writable: true });
      else map[name] = built;
    }
    return map;
  }

  #name(key: Node | null, offset: number): string {
    if (key === null || isScalar(key)) return keyText(key);
    if (isAlias(key)) return String(this.#alias(key.source, offset));
    this.#fail(offset, 1, 'a name must be a scalar');
    return '';
  }

  #alias(name: string, offset: number): unknown {
    const anchor = this.#anchors.get(name);
    if (anchor === undefined) {
      this.#fail(offset, name.length + 1, `there is no anchor '&${name}' before this alias`);
      return null;
    }
    if (this.#values < MAX_VALUES && this.#values + anchor.size >= MAX_VALUES) {
      this.#fail(offset, name.length + 1, `aliases make this file hold more than ${MAX_VALUES} values`);
    }
    this.#values += anchor.size;
    return anchor.value;
  }
}

function keyText(key: Node | null): string {
  return isScalar(key) ? String(key.value ?? '') : '';
}

function resolved(document: Document.Parsed | undefined, node: Node | null | undefined): Node | undefined {
  return isAlias(node) && document !== undefined ? node.resolve(document) : (node ?? undefined);
}

/** The last pair whose key is `name`, else the last whose key is its other spelling. */
function pairOf(pairs: Entry[], name: string): Entry | undefined {
  const exact = pairs.findLast((pair) => keyText(pair.key) === name);
  return exact ?? pairs.findLast((pair) => camelCase(keyText(pair.key)) === camelCase(name));
}

function rangeOf(
  key: Node | null | undefined,
  node: Node | undefined,
  depth: number,
  found: boolean,
): FoundRange | undefined {
  const name = rangeIn(key);
  const value = rangeIn(node) ?? name;
  if (value === undefined) return undefined;
  const scalar = isScalar(node);
  return { found, depth, key: name, value: scalar ? value : firstOf(node, value), scalar };
}

function rangeIn(node: Node | null | undefined): Range | undefined {
  const range = node?.range;
  return range ? { start: range[0], end: Math.max(range[1], range[0] + 1) } : undefined;
}

/** A collection is shown by its first key, or its first character. */
function firstOf(node: Node | undefined, range: Range): Range {
  const first = isMap(node) && !node.flow ? rangeIn(node.items[0]?.key as Node | undefined) : undefined;
  return first ?? { start: range.start, end: range.start + 1 };
}
