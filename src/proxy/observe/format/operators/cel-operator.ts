/**
 * CEL: the value of an expression over a stream's attributes, as text, in JSON too.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/formatter/cel/v3/cel.proto
 */
import type { CelResult } from '@bufbuild/cel';
import { isReflectMessage } from '@bufbuild/protobuf/reflect';
import { type Duration, DurationSchema, type Timestamp, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { PLAIN_DIALECT } from '#config/model/cel.ts';
import { celLibrary } from '#config/syntax/cel-library.ts';
import { doubleText } from '#config/syntax/double-text.ts';
import { compileCel } from '#proxy/observe/cel/cel-expression.ts';
import { type OperatorTable, textOperator } from '#proxy/observe/format/operator.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

export const celOperators: OperatorTable = {
  CEL(source, maxLength) {
    const evaluate = compileCel({ source, dialect: PLAIN_DIALECT });
    return textOperator((info) => textOf(evaluate(info)), maxLength);
  },
};

/** @returns a value as Envoy prints it, in bytes; undefined for an error. Of lists, maps and types, the kind alone. */
function textOf(value: CelResult): string | undefined {
  const { isCelError, isCelList, isCelMap, isCelType, isCelUint } = celLibrary();
  if (isCelError(value)) return undefined;
  if (value === null) return 'NULL';
  if (typeof value === 'string') return encodeUtf8(value);
  if (typeof value === 'number') return doubleText(value, 6);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (isCelUint(value)) return String(value.value);
  if (isCelList(value)) return 'CelList value';
  if (isCelMap(value)) return 'CelMap value';
  if (isReflectMessage(value, TimestampSchema)) return timestampText(value.message as Timestamp);
  if (isReflectMessage(value, DurationSchema)) return durationText(value.message as Duration);
  return isCelType(value) ? 'CelType value' : 'Message value';
}

/** `2026-01-31T23:59:59.5+00:00` */
function timestampText({ seconds, nanos }: Timestamp): string {
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction(nanos, 9)}+00:00`;
}

/** `1h2m3.5s`, or a fraction of a second in the largest unit that leaves a whole number before the point: `1.5ms`. */
function durationText({ seconds, nanos }: Duration): string {
  const total = Number(seconds) * 1e9 + nanos;
  const sign = total < 0 ? '-' : '';
  const size = Math.abs(total);
  if (size === 0) return '0';
  if (size < 1_000) return `${sign}${size}ns`;
  if (size < 1_000_000) return `${sign}${Math.floor(size / 1_000)}${fraction(size % 1_000, 3)}us`;
  if (size < 1_000_000_000) return `${sign}${Math.floor(size / 1_000_000)}${fraction(size % 1_000_000, 6)}ms`;
  const whole = Math.floor(size / 1e9);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = `${whole % 60}${fraction(size % 1e9, 9)}`;
  return `${sign}${hours > 0 ? `${hours}h` : ''}${minutes > 0 ? `${minutes}m` : ''}${rest === '0' ? '' : `${rest}s`}`;
}

/** The digits after the point, of `digits` at most; nothing where all are zero. */
function fraction(value: number, digits: number): string {
  return value === 0 ? '' : `.${String(value).padStart(digits, '0').replace(/0+$/, '')}`;
}
