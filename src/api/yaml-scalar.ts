/**
 * What a YAML scalar means to Envoy, which reads YAML 1.1 through yaml-cpp: `yes`, `Off` and `n` are booleans, `010` is 8, decimals stay
 * text until a field of a number type takes them, and integers beyond 32 bits are text. What is quoted is text.
 * Follows https://yaml.org/type and what Envoy 1.40 does.
 */
import type { Scalar } from 'yaml';

const NULL = /^(?:~|null|Null|NULL|)$/;
const TRUE = /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const INTEGER = /^([-+]?)(?:(0[xX][0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))$/;
const INT64 = 1n << 63n;

/** @param scalar read with the schema `failsafe`, so that its value is its text. */
export function plainValue(scalar: Scalar): unknown {
  const text = String(scalar.value ?? '');
  if (scalar.type !== 'PLAIN' || scalar.tag === '!') return text;
  if (NULL.test(text)) return null;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  const integer = INTEGER.exec(text);
  return integer === null ? text : integerValue(text, integer);
}

function integerValue(text: string, [, sign, hex, octal, decimal]: RegExpExecArray): unknown {
  const magnitude = BigInt(hex ?? (octal === undefined ? decimal : `0o0${octal}`));
  const value = sign === '-' ? -magnitude : magnitude;
  if (value < -INT64 || value >= INT64) return text;
  const small = Number(value);
  return small === (small | 0) ? small : value.toString();
}
