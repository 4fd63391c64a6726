/**
 * What a field's name is to HTTP/2: a known field, any other, a pseudo header, or nothing that may stand there (RFC 9113, sections 8.2 and
 * 8.3). Kinds are small numbers: from 1 up those of known-headers.ts.
 */
import { TOKEN, VALUE } from '#wire/http1/characters.ts';
import { KNOWN } from '#wire/known-headers.ts';

export const FieldKind = {
  Other: 0,
  Method: -1,
  Scheme: -2,
  Authority: -3,
  Path: -4,
  Protocol: -5,
  Status: -6,
  UnknownPseudo: -7,
  /** Empty, in upper case, or with characters that no name has. */
  Bad: -8,
} as const;

const kinds = new Map<string, number>([
  [':method', FieldKind.Method],
  [':scheme', FieldKind.Scheme],
  [':authority', FieldKind.Authority],
  [':path', FieldKind.Path],
  [':protocol', FieldKind.Protocol],
  [':status', FieldKind.Status],
]);
KNOWN.forEach((name, id) => {
  if (id > 0) kinds.set(name, id);
});

const COLON = 58;

/** @returns the kind of a name (latin1). */
export function fieldKind(name: string): number {
  const kind = kinds.get(name);
  if (kind !== undefined) return kind;
  if (name.length === 0) return FieldKind.Bad;
  if (name.charCodeAt(0) === COLON) return FieldKind.UnknownPseudo;
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    // The table gives letters in lower case: an upper-case one is not itself.
    if (TOKEN[c] !== c) return FieldKind.Bad;
  }
  return FieldKind.Other;
}

/** Whether `bytes` from `start` to `end` may be a value: no controls. Spaces at its ends are put up with, as by Envoy. */
export function isFieldValue(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (VALUE[bytes[i]] === 0) return false;
  return true;
}
