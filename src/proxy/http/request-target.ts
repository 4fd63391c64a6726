/**
 * The four forms of a request target (RFC 9112, section 3.2) as host, path and scheme; and fields that a Connection header nominates.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { mayBeNominated } from '#selection/trusted-headers.ts';
import type { ConnectionOptions } from '#wire/http1/framing.ts';

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]+)([/?][^#]*)?$/;

/** Reads the target into the stream. @returns the response-code details where it must be refused with 400 */
export function applyTarget(
  stream: HttpStream,
  config: HttpConnectionManager,
  options: ConnectionOptions,
): string | undefined {
  for (const name of options.nominated) {
    if (!mayBeNominated(name)) return 'http1.connection_header_rejected';
    stream.requestHeaders.remove(name);
  }
  const target = stream.path;
  if (target.charCodeAt(0) === 47) return undefined;
  if (stream.method === 'CONNECT') {
    stream.host = target;
    stream.path = '';
    return undefined;
  }
  if (target === '*' && stream.method === 'OPTIONS') return undefined;
  const parts = config.http1.allowAbsoluteUrl ? ABSOLUTE.exec(target) : null;
  if (parts === null) return config.http1.allowAbsoluteUrl ? 'http1.invalid_url' : undefined;
  stream.scheme = parts[1].toLowerCase();
  stream.host = parts[2];
  const rest = parts[3] ?? '/';
  stream.path = rest.startsWith('/') ? rest : `/${rest}`;
  return undefined;
}
