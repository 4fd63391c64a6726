/**
 * A configuration file: its values, and where in it each field stands.
 * The values are read fast; the places are looked for again in the text when somebody complains.
 * Formats go by suffix as in https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`-c`).
 */
import { readFileSync } from 'node:fs';
import type { FoundRange } from '#api/json-source.ts';
import { jsonLocator, parseJson } from '#api/json-source.ts';
import type { PathStep } from '#api/place.ts';
import type { Problem } from '#api/problems.ts';
import { ConfigError } from '#api/problems.ts';
import { TextLines } from '#api/text-lines.ts';
import { parseYaml, yamlLocator } from '#api/yaml-source.ts';

/** A place in a text; lines and columns count from 1. */
export interface Position {
  line: number;
  column: number;
  length: number;
  /** The file, if it is another than the source's own. */
  file?: string;
  /** How many steps of the path were found; fewer than all means that this is a parent's place. */
  depth?: number;
}

export interface Source {
  readonly name: string;
  /** Empty for a binary file. */
  readonly text: string;
  /** Plain values: objects, arrays, strings, numbers, booleans, null. Undefined for a binary file. */
  readonly tree: unknown;
  /** The message itself, if the file holds binary protobuf. */
  readonly binary?: Uint8Array;
  /** The sources that this one was merged from. */
  readonly parts?: readonly Source[];
  /** What is doubtful about the text itself. */
  readonly warnings: readonly Problem[];
  /**
   * Where the field at the path stands, spelt either way; for one that is missing, its parent.
   * @param part which side of `name: value` is wanted; a value that is an object or a list is shown by its name.
   */
  locate(path: readonly PathStep[], part?: 'name' | 'value'): Position | undefined;
}

/** @throws ConfigError if the file cannot be read or is not in its format. */
export function loadSource(file: string): Source {
  const bytes = read(file);
  if (/\.(?:pb|binpb)$/i.test(file)) {
    return { name: file, text: '', tree: undefined, binary: bytes, warnings: [], locate: () => undefined };
  }
  if (/\.pb_text$/i.test(file)) {
    throw refused(
      file,
      'text protobuf is not read by Fairlead',
      'convert the file to YAML, JSON or binary protobuf (.pb)',
    );
  }
  return sourceOf(new TextDecoder().decode(bytes), file, /\.json$/i.test(file) ? 'json' : 'yaml');
}

/** @throws ConfigError if the text is not in its format. */
export function sourceOf(text: string, name: string, format: 'yaml' | 'json' = 'yaml'): Source {
  const { tree, warnings } = format === 'json' ? { tree: parseJson(text, name), warnings: [] } : parseYaml(text, name);
  let locator: Locator | undefined;
  return {
    name,
    text,
    tree,
    warnings,
    locate(path, part = 'value') {
      locator ??= { lines: new TextLines(text), find: format === 'json' ? jsonLocator(text) : yamlLocator(text) };
      const range = locator.find(path);
      return range === undefined ? undefined : shown(locator.lines, range, part);
    },
  };
}

interface Locator {
  lines: TextLines;
  find(path: readonly PathStep[]): FoundRange | undefined;
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw refused(file, code === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${message}`);
  }
}

function refused(file: string, message: string, hint?: string): ConfigError {
  return new ConfigError([{ severity: 'error', file, path: '', message, ...(hint === undefined ? {} : { hint }) }]);
}

function shown(lines: TextLines, range: FoundRange, part: 'name' | 'value'): Position {
  const byName = part === 'name' || !range.found || !range.scalar;
  const { start, end } = byName && range.key !== undefined ? range.key : range.value;
  const { line, column } = lines.position(start);
  const last = Math.min(end, lines.endOf(line));
  return { line, column, length: Math.max(1, last - start), depth: range.depth };
}
