/**
 * A configuration file: its values, and where in it each field stands.
 * The values are read fast; the places are looked for again in the text when somebody complains.
 * Formats go by suffix as in https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`-c`).
 */
import { readFileSync } from 'node:fs';
import type { FoundRange } from '#api/json-source.ts';
import { locateJson, parseJson } from '#api/json-source.ts';
import type { PathStep } from '#api/place.ts';
import type { Problem } from '#api/problems.ts';
import { ConfigError } from '#api/problems.ts';
import { locateYaml, parseYaml } from '#api/yaml-source.ts';

/** A place in a text; lines and columns count from 1. The file is given if it is another than the source's own. */
export interface Position {
  line: number;
  column: number;
  length: number;
  file?: string;
}

export interface Source {
  readonly name: string;
  /** Empty for a binary file. */
  readonly text: string;
  /** Plain values: objects, arrays, strings, numbers, booleans, null. Undefined for a binary file. */
  readonly tree: unknown;
  /** The message itself, if the file holds binary protobuf. */
  readonly binary?: Uint8Array;
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
  if (/\.(pb|binpb)$/i.test(file)) return binarySource(bytes, file);
  if (/\.pb_text$/i.test(file)) {
    throw refused(
      file,
      'text protobuf is not read by Fairlead',
      'convert the file to YAML, JSON or binary protobuf (.pb)',
    );
  }
  const text = new TextDecoder().decode(bytes);
  return sourceOf(text, file, /\.json$/i.test(file) ? 'json' : 'yaml');
}

/** @throws ConfigError if the text is not in its format. */
export function sourceOf(text: string, name: string, format: 'yaml' | 'json' = 'yaml'): Source {
  const { tree, warnings } = format === 'json' ? { tree: parseJson(text, name), warnings: [] } : parseYaml(text, name);
  const find = format === 'json' ? locateJson : locateYaml;
  return {
    name,
    text,
    tree,
    warnings,
    locate(path, part = 'value') {
      const range = find(text, path);
      return range === undefined ? undefined : position(text, range, part);
    },
  };
}

function binarySource(binary: Uint8Array, name: string): Source {
  return { name, text: '', tree: undefined, binary, warnings: [], locate: () => undefined };
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw refused(file, `unable to read file: ${why}`);
  }
}

function refused(file: string, message: string, hint?: string): ConfigError {
  return new ConfigError([{ severity: 'error', file, path: '', message, ...(hint === undefined ? {} : { hint }) }]);
}

function position(text: string, range: FoundRange, part: 'name' | 'value'): Position {
  const byName = range.key !== undefined && (part === 'name' || !range.found || !range.scalar);
  const { start, end } = byName ? (range.key as { start: number; end: number }) : range.value;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = text.indexOf('\n', start);
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < start; at = text.indexOf('\n', at + 1)) line++;
  const last = lineEnd === -1 ? end : Math.min(end, lineEnd);
  return { line, column: start - lineStart + 1, length: Math.max(1, last - start) };
}
