/**
 * The static table of HPACK (RFC 7541, appendix A).
 */
import { fieldKind } from '#wire/http2/field-kind.ts';

/** A field in a table: what was found out about it stays with it. */
export interface TableField {
  readonly name: string;
  readonly value: string;
  /** See field-kind.ts. */
  readonly kind: number;
  /** Its value has no characters that may not stand there. */
  readonly valid: boolean;
}

const text = `:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|
:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language|accept-ranges|
accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition|content-encoding|content-language|
content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|
if-none-match|if-range|if-unmodified-since|last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|
refresh|retry-after|server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`;

/** By index less 1. */
export const STATIC_TABLE: readonly TableField[] = text.split('|').map((field) => {
  const [name, value = ''] = field.trim().split(/ (.*)/);
  return { name, value, kind: fieldKind(name), valid: true };
});

export const STATIC_SIZE = STATIC_TABLE.length;

/** What a field counts for besides its name and value (section 4.1). */
export const FIELD_OVERHEAD = 32;

/** The index of a name, and of its pairs with certain values. */
export interface StaticName {
  readonly index: number;
  readonly values: ReadonlyMap<string, number>;
}

const byName = new Map<string, { index: number; values: Map<string, number> }>();
STATIC_TABLE.forEach(({ name, value }, i) => {
  const known = byName.get(name);
  if (known === undefined) byName.set(name, { index: i + 1, values: new Map(value === '' ? [] : [[value, i + 1]]) });
  else known.values.set(value, i + 1);
});

export function staticName(name: string): StaticName | undefined {
  return byName.get(name);
}
