/**
 * Where a request came from: the trusted client address, and with it whether the request is internal, by the socket's peer and
 * x-forwarded-for. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-for
 */
import { isIP } from 'node:net';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { hostPort } from '#proxy/listeners/downstream-connection.ts';
import { addressFromXff } from '#selection/forwarded-for.ts';
import { isLoopback, localAddress } from '#selection/local-address.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const XFF = Known['x-forwarded-for'];
const PROTO = Known['x-forwarded-proto'];

/** Decides the client's address, appends the peer to x-forwarded-for, sets x-forwarded-proto. @returns whether the request is internal */
export function applyForwarded(stream: HttpStream, manager: ConnectionManager): boolean {
  const { config } = manager;
  const { connection } = stream;
  const headers = stream.requestHeaders;
  let remote: string | undefined;
  let singleAddress: boolean;
  if (config.useRemoteAddress) {
    singleAddress = !headers.hasKnown(XFF);
    if (config.xffNumTrustedHops > 0)
      remote = addressFromXff(headers.joined('x-forwarded-for'), config.xffNumTrustedHops - 1)?.address;
    remote ??= connection.sourceAddress;
    if (!config.skipXffAppend) appendXff(stream, manager, connection.sourceAddress);
    if (config.xffNumTrustedHops === 0 || !headers.hasKnown(PROTO))
      headers.setKnown(PROTO, connection.tls === undefined ? 'http' : 'https');
  } else if (stream.originalIp !== undefined) {
    const { address, trusted, appends } = stream.originalIp;
    remote = address;
    singleAddress = trusted;
    if (appends) appendXff(stream, manager, connection.sourceAddress);
    if (!headers.hasKnown(PROTO)) headers.addKnown(PROTO, connection.tls === undefined ? 'http' : 'https');
  } else {
    const found = headers.hasKnown(XFF)
      ? addressFromXff(headers.joined('x-forwarded-for'), config.xffNumTrustedHops)
      : undefined;
    remote = found?.address;
    singleAddress = found?.single ?? false;
    if (!headers.hasKnown(PROTO)) headers.addKnown(PROTO, connection.tls === undefined ? 'http' : 'https');
  }
  if (config.appendXForwardedPort && (config.xffNumTrustedHops === 0 || !headers.hasKnown(Known['x-forwarded-port']))) {
    headers.setKnown(Known['x-forwarded-port'], String(connection.destinationPort));
  }
  const internal = singleAddress && remote !== undefined && manager.isInternalAddress(remote);
  stream.remoteAddress =
    remote === undefined || remote === connection.sourceAddress ? connection.remoteAddress : hostPort(remote, 0);
  return internal;
}

function appendXff(stream: HttpStream, manager: ConnectionManager, peer: string): void {
  if (peer === '') return;
  appendForwardedFor(stream.requestHeaders, addressToTell(peer, manager));
}

export function appendForwardedFor(headers: Headers, address: string): void {
  const before = headers.repeated ? headers.joined('x-forwarded-for') : headers.getKnown(XFF);
  headers.setKnown(XFF, before === undefined || before === '' ? address : `${before},${address}`);
}

/** A peer on this machine is told by the address that others know the machine by. */
function addressToTell(peer: string, { config }: ConnectionManager): string {
  if (isLoopback(peer)) return localAddress();
  return config.representIpv4RemoteAddressAsIpv4MappedIpv6 && isIP(peer) === 4 ? `::ffff:${peer}` : peer;
}

/** The address alone of what `StreamInfo.remoteAddress` holds. */
export function addressOf(remoteAddress: string): string {
  if (remoteAddress.startsWith('[')) return remoteAddress.slice(1, remoteAddress.indexOf(']'));
  const colon = remoteAddress.lastIndexOf(':');
  return colon < 0 ? remoteAddress : remoteAddress.slice(0, colon);
}
