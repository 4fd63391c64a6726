/**
 * Header names in other spellings than lower case, for peers that need them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/header_casing
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import type { Headers } from '#wire/headers.ts';

const proper = new Map<string, string>();
const PROPER_LIMIT = 4096;

/** `content-type` as `Content-Type`: the first letter, and each after a character that is no letter or digit. */
export function properCase(name: string): string {
  let spelled = proper.get(name);
  if (spelled === undefined) {
    spelled = name.replace(
      /(^|[^a-z0-9])([a-z])/g,
      (_, before: string, letter: string) => before + letter.toUpperCase(),
    );
    if (proper.size < PROPER_LIMIT) proper.set(name, spelled);
  }
  return spelled;
}

/** Appends the fields to `out` with proper_case_words. */
export function encodeProperCase(headers: Headers, out: string): string {
  headers.each((name, value) => {
    out += `${properCase(name)}: ${value}\r\n`;
  });
  return out;
}

type PreserveCase = Http1ProtocolOptions['preserveCase'];

/** Appends the fields to `out` as their sender spelled them; those that the proxy added as the formatter's options say. */
export function encodePreservedCase(headers: Headers, out: string, options: PreserveCase): string {
  for (let i = 0; i < headers.count; i++) {
    if (headers.isRemoved(i)) continue;
    const spelled = headers.spelledAt(i) ?? ownSpelling(headers.nameAt(i), options);
    out += `${spelled}: ${headers.valueAt(i)}\r\n`;
  }
  return out;
}

/** A lower-case name as the sender of the fields spelled it, or as the formatter's options say. */
export function preservedCase(headers: Headers, name: string, options: PreserveCase): string {
  return headers.spellingOf(name) ?? ownSpelling(name, options);
}

function ownSpelling(name: string, options: PreserveCase): string {
  return options?.formatterTypeOnEnvoyHeaders === 'PROPER_CASE' ? properCase(name) : name;
}
