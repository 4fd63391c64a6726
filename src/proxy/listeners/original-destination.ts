/**
 * Where a connection was going before netfilter redirected it to us. Follows SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST of Linux, and
 * IP_TRANSPARENT of ip(7).
 */
import { SocketAddress } from 'node:net';
import { socketOption } from '#proxy/transport/native-sockets.ts';

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
/** A `sockaddr_in6`. */
const NAME_SIZE = 28;

/**
 * @returns the original destination; `own` where the socket's own address is it (TPROXY); undefined where nobody redirected the
 * connection, as far as the system knows.
 */
export function originalDestination(fd: number, family: 4 | 6): { address: string; port: number } | 'own' | undefined {
  const level = family === 4 ? SOL_IP : SOL_IPV6;
  const transparent = socketOption(fd, level, family === 4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, 4);
  if (transparent !== undefined && transparent[0] !== 0) return 'own';
  const name = socketOption(fd, level, SO_ORIGINAL_DST, NAME_SIZE);
  if (name === undefined) return undefined;
  const port = name.readUInt16BE(2);
  if (family === 4) return { address: name.subarray(4, 8).join('.'), port };
  const groups = Array.from({ length: 8 }, (_, i) => name.readUInt16BE(8 + 2 * i).toString(16));
  return { address: new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address, port };
}
