/**
 * Upgrades over HTTP/2 (RFC 8441) are those of HTTP/1.1 to everything between codecs: a request by CONNECT with `:protocol` becomes GET with
 * Upgrade, and the answer 101 becomes 200.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Known } from '#wire/known-headers.ts';

/** @param protocol `:protocol`, such as `websocket` */
export function becomeUpgrade(stream: HttpStream, protocol: string): void {
  stream.method = 'GET';
  stream.requestHeaders.setKnown(Known.upgrade, protocol);
  stream.requestHeaders.setKnown(Known.connection, 'upgrade');
}

/** @returns the status to send for `stream.responseCode`; fields of HTTP/1 connections are not sent anyway */
export function statusOfUpgrade(stream: HttpStream): number {
  if (stream.responseCode !== 101) return stream.responseCode;
  const headers = stream.responseHeaders;
  if (headers.getKnown(Known['content-length']) === '0') headers.removeKnown(Known['content-length']);
  return 200;
}
