/**
 * Fields of which Envoy keeps one line: what a message says several times becomes a list in the place of the first (RFC 9110, section 5.3).
 */
import { SINGLE_REQUEST_FIELDS, SINGLE_RESPONSE_FIELDS } from '#selection/single-fields.ts';
import type { Headers } from '#wire/headers.ts';
import { KNOWN, Known } from '#wire/known-headers.ts';

const requestIds = SINGLE_REQUEST_FIELDS.map((name) => Known[name]);
const responseIds = SINGLE_RESPONSE_FIELDS.map((name) => Known[name]);

/** Called where `headers.repeated`: seldom. */
export function joinRequestFields(headers: Headers): void {
  join(headers, requestIds);
}

export function joinResponseFields(headers: Headers): void {
  join(headers, responseIds);
}

function join(headers: Headers, ids: readonly number[]): void {
  for (const id of ids) {
    if (!headers.hasKnown(id)) continue;
    const values = headers.all(KNOWN[id]);
    if (values.length > 1) headers.setKnown(id, values.join(','));
  }
}
