/**
 * A request's pseudo headers (RFC 9113, section 8.3.1). An upgrade of HTTP/1.1 becomes an extended CONNECT (RFC 8441).
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { RequestHead } from '#wire/http2/session-streams.ts';

const head: RequestHead = { method: '', scheme: '', authority: '', path: '', protocol: '' };

/** @param upgrade what the request asks to upgrade to, or empty. @returns an object that is used again for the next request */
export function http2RequestHead({ method, scheme, host, path }: HttpStream, upgrade: string): RequestHead {
  const plainConnect = method === 'CONNECT' && upgrade === '';
  head.method = upgrade === '' ? method : 'CONNECT';
  head.scheme = plainConnect ? '' : scheme;
  head.authority = host;
  head.path = plainConnect ? '' : path;
  head.protocol = upgrade;
  return head;
}
