/**
 * What the head of an HTTP/1 request says of its body and its connection. What is ambiguous is an error (RFC 9112, section 6.3).
 */
import type { Http1ProtocolOptions } from '#config/model/http-connection-manager.ts';
import type { Headers } from '#wire/headers.ts';
import { CHUNKED, framing, NO_LENGTH } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { Known } from '#wire/known-headers.ts';

/**
 * @param minor of the HTTP version, 0 or 1
 * @returns the body's length in bytes, CHUNKED or NO_LENGTH; or a ParseError: see {@link isFramed}
 */
export function frameRequest(headers: Headers, minor: number, http1: Http1ProtocolOptions): number {
  if (minor === 0 && !http1.acceptHttp10) return ParseError.OldVersion;
  const length = framing(headers, http1.allowChunkedLength);
  if (!isFramed(length)) return length;
  if (minor === 0 && length === CHUNKED) return ParseError.BadTransferEncoding;
  return headers.repeated && headers.all('host').length > 1 ? ParseError.ConflictingHost : length;
}

export function isFramed(length: number): boolean {
  return length >= 0 || length === CHUNKED || length === NO_LENGTH;
}

/** Whether a field that no RFC defines, and that older clients send to proxies in place of Connection, says `close`. */
export function asksProxyToClose(headers: Headers): boolean {
  if (!headers.hasKnown(Known['proxy-connection'])) return false;
  return /(^|,)\s*close\s*(,|$)/i.test(headers.getKnown(Known['proxy-connection']) ?? '');
}
