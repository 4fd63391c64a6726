/**
 * What a request's target and its Connection header make of host, path, scheme and fields, before anything else looks at them.
 * Follows RFC 9112, section 3.2, and RFC 9110, section 7.6.1.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { mayBeNominated } from '#selection/trusted-headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { parseTarget, type TargetParts } from '#wire/http1/request-target.ts';

const SLASH = 47;
const parts: TargetParts = { scheme: '', authority: '', path: '' };

/** Nobody before this proxy could have taken TLS off the request. */
function isEdge({ useRemoteAddress, xffNumTrustedHops }: HttpConnectionManager): boolean {
  return useRemoteAddress && xffNumTrustedHops === 0;
}

/** Reads the target into the stream. @returns 0, or the ParseError with which the request must be refused */
export function applyTarget(stream: HttpStream, config: HttpConnectionManager, options: ConnectionOptions): number {
  for (const name of options.nominated) {
    if (!mayBeNominated(name)) return ParseError.NominatedField;
    // What of `te` may go on is decided later: see request-headers.ts.
    if (name !== 'te') stream.requestHeaders.remove(name);
  }
  const { method, path: target } = stream;
  if (target.charCodeAt(0) === SLASH && method !== 'CONNECT') return 0;
  if (target === '*' && method === 'OPTIONS') return 0;
  const error = parseTarget(method, target, parts);
  if (method !== 'CONNECT' && !config.http1.allowAbsoluteUrl) return error === ParseError.BadTarget ? error : 0;
  if (error !== 0) return error;
  if (parts.scheme === 'https' && isEdge(config) && !stream.connection.secured) return ParseError.PlaintextHttps;
  if (parts.scheme !== '') stream.scheme = parts.scheme;
  stream.host = parts.authority;
  stream.path = parts.path;
  return 0;
}
