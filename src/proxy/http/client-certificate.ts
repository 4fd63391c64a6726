/**
 * x-forwarded-client-cert: what the next hop is told of the client's certificate. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

const XFCC = Known['x-forwarded-client-cert'];

export function applyClientCertificate(stream: HttpStream, config: HttpConnectionManager): void {
  const mode = config.forwardClientCertDetails;
  const headers = stream.requestHeaders;
  const { tls } = stream.connection;
  if (mode === 'ALWAYS_FORWARD_ONLY') return;
  const mutual = tls?.presented === true;
  if (mode === 'SANITIZE' || !mutual) {
    headers.removeKnown(XFCC);
    return;
  }
  if (mode === 'FORWARD_ONLY') return;
  const { peer, local } = tls;
  const parts: string[] = [];
  for (const uri of local.uriSans) parts.push(`By=${uri}`);
  if (peer.sha256 !== '') parts.push(`Hash=${peer.sha256}`);
  const wanted = config.setCurrentClientCertDetails;
  if (wanted.cert && peer.pem !== '') parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (wanted.chain && peer.chainPem !== '') parts.push(`Chain="${encodeURIComponent(peer.chainPem)}"`);
  // In the form of RFC 2253, where quotes have their backslash already.
  if (wanted.subject) parts.push(`Subject="${peer.subject}"`);
  if (wanted.uri && peer.uriSans.length === 0) parts.push('URI=');
  if (wanted.uri) for (const uri of peer.uriSans) parts.push(`URI=${uri}`);
  if (wanted.dns) for (const dns of peer.dnsSans) parts.push(`DNS=${dns}`);
  const element = parts.join(';');
  if (element === '') return;
  const before = mode === 'APPEND_FORWARD' ? headers.joined('x-forwarded-client-cert') : undefined;
  headers.setKnown(XFCC, before === undefined || before === '' ? element : `${before},${element}`);
}
