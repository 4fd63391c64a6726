/**
 * x-forwarded-client-cert: what the next hop is told of the client's certificate. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert
 */
import type { ClientCertForwarding } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { TlsInfo } from '#proxy/observe/stream-info.ts';
import { Known } from '#wire/known-headers.ts';

const XFCC = Known['x-forwarded-client-cert'];

export function applyClientCertificate(stream: HttpStream, { details, told, format }: ClientCertForwarding): void {
  const headers = stream.requestHeaders;
  const { tls } = stream.connection;
  if (details === 'ALWAYS_FORWARD_ONLY') return;
  const mutual = tls?.presented === true;
  if (details === 'SANITIZE' || !mutual) {
    headers.removeKnown(XFCC);
    return;
  }
  if (details === 'FORWARD_ONLY') return;
  const before = details === 'APPEND_FORWARD' ? (headers.joined('x-forwarded-client-cert') ?? '') : '';
  // What was there goes on in its own form.
  const json = before === '' ? format === 'JSON' : before.startsWith('[') && before.endsWith(']');
  const element = json ? jsonElement(tls, told) : textElement(tls, told);
  if (element === '') return;
  headers.setKnown(XFCC, json ? appendToArray(before, element) : before === '' ? element : `${before},${element}`);
}

function textElement({ peer, local }: TlsInfo, told: ClientCertForwarding['told']): string {
  const parts: string[] = [];
  for (const uri of local.uriSans) parts.push(`By=${uri}`);
  if (peer.sha256 !== '') parts.push(`Hash=${peer.sha256}`);
  if (told.cert && peer.pem !== '') parts.push(`Cert="${encodeURIComponent(peer.pem)}"`);
  if (told.chain && peer.chainPem !== '') parts.push(`Chain="${encodeURIComponent(peer.chainPem)}"`);
  // In the form of RFC 2253, where quotes have their backslash already.
  if (told.subject) parts.push(`Subject="${peer.subject}"`);
  if (told.uri && peer.uriSans.length === 0) parts.push('URI=');
  if (told.uri) for (const uri of peer.uriSans) parts.push(`URI=${uri}`);
  if (told.dns) for (const dns of peer.dnsSans) parts.push(`DNS=${dns}`);
  if (told.issuer) parts.push(`Issuer="${peer.issuer}"`);
  return parts.join(';');
}

function jsonElement({ peer, local }: TlsInfo, told: ClientCertForwarding['told']): string {
  return JSON.stringify({
    by: someOf(local.uriSans),
    hash: peer.sha256 || undefined,
    cert: (told.cert && peer.pem) || undefined,
    chain: told.chain ? someOf(peer.chainPem.match(CERTIFICATE) ?? []) : undefined,
    subject: told.subject ? peer.subject : undefined,
    uri: told.uri ? someOf(peer.uriSans) : undefined,
    dns: told.dns ? someOf(peer.dnsSans) : undefined,
    issuer: told.issuer ? peer.issuer : undefined,
  });
}

function someOf(names: readonly string[]): readonly string[] | undefined {
  return names.length > 0 ? names : undefined;
}

/** One of a chain. */
const CERTIFICATE = /-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n?/g;

/** @param array empty, or the text of an array */
function appendToArray(array: string, element: string): string {
  const rest = array.slice(0, -1).trimEnd();
  return rest.length > 1 ? `${rest},${element}]` : `[${element}]`;
}
