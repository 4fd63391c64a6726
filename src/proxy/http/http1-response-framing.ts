/**
 * How a client is told where the body of an HTTP/1 response ends (RFC 9112, section 6.3).
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

/** By its length, or there is none. */
export const BY_LENGTH = 0;
export const IN_CHUNKS = 1;
/** By the end of the connection. */
export const BY_CLOSE = 2;

/**
 * Gives the response's head the fields that say it.
 * @param end there is no body
 */
export function frameResponse(stream: HttpStream, end: boolean): number {
  const { responseHeaders: headers, responseCode, method } = stream;
  if (responseCode === 204) headers.removeKnown(Known['content-length']);
  if (headers.hasKnown(Known['content-length'])) return BY_LENGTH;
  if (responseCode < 200 || responseCode === 204 || responseCode === 304) return BY_LENGTH;
  if (end && method !== 'HEAD') {
    headers.addKnown(Known['content-length'], '0');
    return BY_LENGTH;
  }
  // The length is not known; a response to HEAD says how GET would be answered.
  if (stream.protocol === 'HTTP/1.0') return BY_CLOSE;
  headers.addKnown(Known['transfer-encoding'], 'chunked');
  return method === 'HEAD' ? BY_LENGTH : IN_CHUNKS;
}
