/**
 * One command operator of a format, compiled: what it says of a stream, as text and as a JSON value.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import type { Json } from '#config/model/route.ts';
import { toByteText } from '#proxy/observe/format/byte-text.ts';
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import { jsonText, quoted } from '#proxy/observe/format/json-text.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export interface Operator {
  /** @returns its text, a string of bytes; undefined: there is nothing to say. */
  text(info: StreamInfo): string | undefined;
  /** @returns its value as JSON text, in bytes; undefined: there is nothing to say. */
  json(info: StreamInfo): string | undefined;
}

/**
 * Makes an operator that is written rightly.
 * @param argument what stands in parentheses; empty where nothing does
 */
export type OperatorDefinition = (argument: string, maxLength: number | undefined, context: FormatContext) => Operator;

export type OperatorTable = { readonly [name: string]: OperatorDefinition };

export type TextOf = (info: StreamInfo) => string | undefined;
export type NumberOf = (info: StreamInfo) => number | undefined;

/** An operator of text, cut to `maxLength` bytes. `read` gives bytes. */
export function textOperator(read: TextOf, maxLength?: number): Operator {
  const text: TextOf =
    maxLength === undefined
      ? read
      : (info) => {
          const value = read(info);
          return value === undefined || value.length <= maxLength ? value : value.slice(0, maxLength);
        };
  return {
    text,
    json(info) {
      const value = text(info);
      return value === undefined ? undefined : quoted(value);
    },
  };
}

/** An operator of whole numbers: a number in JSON too. */
export function numberOperator(read: NumberOf): Operator {
  const text: TextOf = (info) => {
    const value = read(info);
    return value === undefined ? undefined : String(value);
  };
  return { text, json: text };
}

/** An operator of any JSON value: strings are bare as text; lengths hold for text alone. */
export function valueOperator(read: (info: StreamInfo) => Json | undefined, maxLength?: number): Operator {
  return {
    text(info) {
      const value = read(info);
      if (value === undefined || value === null) return undefined;
      const text = typeof value === 'string' ? toByteText(value) : jsonText(value);
      return maxLength === undefined ? text : text.slice(0, maxLength);
    },
    json(info) {
      const value = read(info);
      return value === undefined || value === null ? undefined : jsonText(value);
    },
  };
}

/** An operator that is its name alone and says a text of the configuration or of a peer: empty is nothing. */
export function nameOf(read: TextOf): OperatorDefinition {
  const operator = textOperator((info) => {
    const value = read(info);
    return value === undefined || value === '' ? undefined : toByteText(value);
  });
  return plain(operator);
}

/** An operator that is its name alone and says bytes as they are. */
export function bytesOf(read: TextOf): OperatorDefinition {
  return plain(textOperator(read));
}

/** An operator that is its name alone and says a number. */
export function countOf(read: NumberOf): OperatorDefinition {
  return plain(numberOperator(read));
}

/** An operator without parameters. */
export function plain(operator: Operator): OperatorDefinition {
  return () => operator;
}
