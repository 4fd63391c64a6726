/**
 * JSON formats: a template of objects and lists whose strings are formats. The fixed text between operators is joined once.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-dictionaries
 */
import type { FormatConfig } from '#config/model/format.ts';
import type { Json } from '#config/model/route.ts';
import { checkFormat } from '#config/syntax/format-operators.ts';
import { parseFormat } from '#config/syntax/parse-format.ts';
import { toByteText } from '#proxy/observe/format/byte-text.ts';
import type { Formatter } from '#proxy/observe/format/compile-format.ts';
import { compileOperator } from '#proxy/observe/format/compile-operator.ts';
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import { jsonText, quoted, sortedKeys } from '#proxy/observe/format/json-text.ts';
import type { Operator } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

/** Writes one value as JSON text; undefined: it is left out. */
type Writer = (info: StreamInfo) => string | undefined;

/** @throws Error with Envoy's words where an operator is unknown or written wrongly. */
export function compileJsonFormat(
  json: Json,
  { omitEmptyValues }: Pick<FormatConfig, 'omitEmptyValues'>,
  context: FormatContext,
): Formatter {
  const write = compileValue(json, omitEmptyValues, context);
  return { format: (info) => `${write(info) ?? '{}'}\n` };
}

function compileValue(json: Json, omit: boolean, context: FormatContext): Writer {
  if (typeof json === 'string') return compileText(json, omit, context);
  if (json === null) return () => (omit ? undefined : 'null');
  if (typeof json !== 'object') {
    const text = jsonText(json);
    return () => text;
  }
  if (Array.isArray(json)) return compileList(json, omit, context);
  return compileObject(json, omit, context);
}

/** A string that is one operator keeps the operator's type; any other is text. */
function compileText(text: string, omit: boolean, context: FormatContext): Writer {
  checkFormat(text);
  const pieces = parseFormat(text).map((piece) =>
    typeof piece === 'string' ? toByteText(piece) : compileOperator(piece, context),
  );
  const [first] = pieces;
  if (pieces.length === 0) return () => '""';
  if (pieces.length === 1) {
    if (typeof first === 'string') {
      const constant = quoted(first);
      return () => constant;
    }
    const operator: Operator = first;
    return omit ? (info) => operator.json(info) : (info) => operator.json(info) ?? 'null';
  }
  const empty = omit ? '' : '-';
  return (info) => {
    let value = '';
    for (let i = 0; i < pieces.length; i++) {
      const piece = pieces[i];
      value += typeof piece === 'string' ? piece : (piece.text(info) ?? empty);
    }
    return quoted(value);
  };
}

function compileList(items: Json[], omit: boolean, context: FormatContext): Writer {
  const writers = items.map((item) => compileValue(item, omit, context));
  return (info) => {
    let text = '';
    for (let i = 0; i < writers.length; i++) {
      const value = writers[i](info);
      if (value !== undefined) text += text === '' ? value : `,${value}`;
    }
    return `[${text}]`;
  };
}

function compileObject(fields: { [key: string]: Json }, omit: boolean, context: FormatContext): Writer {
  const keys = sortedKeys(fields);
  const names = keys.map((key) => `${quoted(toByteText(key))}:`);
  const writers = keys.map((key) => compileValue(fields[key], omit, context));
  return (info) => {
    let text = '';
    for (let i = 0; i < writers.length; i++) {
      const value = writers[i](info);
      if (value !== undefined) text += text === '' ? names[i] + value : `,${names[i]}${value}`;
    }
    return text === '' && omit ? undefined : `{${text}}`;
  };
}
