/**
 * Compares one string with a configured matcher. Strings are as they come from the wire: one character a byte.
 * Follows envoy.type.matcher.v3.StringMatcher.
 */
import type { StringMatcher } from '#config/model/matchers.ts';
import { fullMatcher } from '#selection/regex.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

export type StringTest = (value: string) => boolean;

/** @returns the test that the matcher describes; a regex must match the whole string. */
export function compileString(matcher: StringMatcher): StringTest {
  if (matcher.kind === 'regex') return fullMatcher(matcher.regex);
  const value = encodeUtf8(matcher.value);
  if (matcher.ignoreCase) return compileAnyCase(matcher.kind, lowerAscii(value));
  switch (matcher.kind) {
    case 'exact':
      return (candidate) => candidate === value;
    case 'prefix':
      return (candidate) => candidate.startsWith(value);
    case 'suffix':
      return (candidate) => candidate.endsWith(value);
    case 'contains':
      return (candidate) => candidate.includes(value);
  }
}

function compileAnyCase(kind: 'exact' | 'prefix' | 'suffix' | 'contains', lowered: string): StringTest {
  const length = lowered.length;
  switch (kind) {
    case 'exact':
      return (candidate) => candidate.length === length && lowerAscii(candidate) === lowered;
    case 'prefix':
      return (candidate) => lowerAscii(candidate.slice(0, length)) === lowered;
    case 'suffix':
      return (candidate) =>
        candidate.length >= length && lowerAscii(candidate.slice(candidate.length - length)) === lowered;
    case 'contains':
      return (candidate) => lowerAscii(candidate).includes(lowered);
  }
}

/** Lower-cases A to Z alone: bytes above 127 stay as they are, as in Envoy. */
export function lowerAscii(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** The matcher in words: `exact "jason"`, `regex "a.*"`, `prefix "X-" in any case`. */
export function describeString(matcher: StringMatcher): string {
  if (matcher.kind === 'regex') return `regex ${JSON.stringify(matcher.regex)}`;
  return `${matcher.kind} ${JSON.stringify(matcher.value)}${matcher.ignoreCase ? ' in any case' : ''}`;
}
