/**
 * Addresses: where a listener binds, where an upstream is, what a chain matches.
 * Follows envoy.config.core.v3.Address.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { Place } from '#api/place.ts';
import type { Address, CidrRange } from '#config/model/address.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  Address as AddressMessage,
  CidrRange as CidrRangeMessage,
  EnvoyInternalAddress,
  Pipe,
  SocketAddress,
} from '#envoy/config/core/v3/address_pb.js';

const checkAddress = honours('envoy.config.core.v3.Address', ['socket_address', 'pipe', 'envoy_internal_address']);
const checkInternal = honours('envoy.config.core.v3.EnvoyInternalAddress', ['server_listener_name', 'endpoint_id']);
const checkSocketAddress = honours(
  'envoy.config.core.v3.SocketAddress',
  ['protocol', 'address', 'port_value', 'resolver_name', 'ipv4_compat'],
  { refused: { named_port: 'ports go by number, port_value' } },
);
const checkPipe = honours('envoy.config.core.v3.Pipe', ['path', 'mode']);
const checkCidrRange = honours('envoy.config.core.v3.CidrRange', ['address_prefix', 'prefix_len']);

/** The kernel's sun_path. */
const MAX_PIPE_PATH = 108;
const UDP = 1;

/** What an address may hold: an IP address, or also a name that DNS resolves. */
export type HostKind = 'ip' | 'name';

/** @throws PlacedError, with Envoy's words. */
export function readAddress(message: AddressMessage | undefined, at: Place, host: HostKind = 'ip'): Address {
  if (message === undefined) throw at.problem('address is necessary');
  checkAddress(message, at);
  const { address } = message;
  switch (address.case) {
    case 'socketAddress':
      return readSocketAddress(address.value, at.field('socket_address'), host);
    case 'pipe':
      return readPipe(address.value, at.field('pipe'));
    case 'envoyInternalAddress':
      return readInternal(address.value, at.field('envoy_internal_address'));
    default:
      throw at.problem('one of socket_address, pipe, envoy_internal_address is required');
  }
}

export function readSocketAddress(message: SocketAddress, at: Place, host: HostKind = 'ip'): Address & { kind: 'ip' } {
  checkSocketAddress(message, at);
  const { address, resolverName } = message;
  if (host === 'name' && resolverName !== '') {
    throw at.field('resolver_name').problem('STRICT_DNS clusters must NOT have a custom resolver name set');
  }
  if (resolverName !== '' && resolverName !== 'envoy.ip') {
    throw at.field('resolver_name').problem(`Unknown address resolver: ${resolverName}`);
  }
  if (host === 'ip' && isIP(address) === 0) throw at.field('address').problem(`malformed IP address: ${address}`);
  const port = message.portSpecifier.case === 'portValue' ? message.portSpecifier.value : 0;
  if (message.ipv4Compat && host === 'ip' && !takesIpv4Compat(address)) {
    const words = "Only IPv6 address '::' or valid IPv4-mapped IPv6 address can set ipv4_compat";
    throw at.field('ipv4_compat').problem(`${words}: ${address}:${port}`);
  }
  return {
    kind: 'ip',
    address: canonicalIp(address),
    port,
    protocol: message.protocol === UDP ? 'UDP' : 'TCP',
    ipv4Compat: message.ipv4Compat,
  };
}

function readInternal(message: EnvoyInternalAddress, at: Place): Address {
  checkInternal(message, at);
  const { addressNameSpecifier: by, endpointId } = message;
  if (by.case !== 'serverListenerName') throw at.problem('server_listener_name is required');
  return { kind: 'internal', name: by.value, endpointId };
}

function readPipe(message: Pipe, at: Place): Address {
  checkPipe(message, at);
  const { path, mode } = message;
  if (Buffer.byteLength(path) >= MAX_PIPE_PATH) {
    const words = `exceeds maximum UNIX domain socket path size of ${MAX_PIPE_PATH}.`;
    throw at.field('path').problem(`Path "${path}" ${words}`);
  }
  if (path.startsWith('@') && mode !== 0)
    throw at.field('mode').problem('Cannot set mode for Abstract AF_UNIX sockets');
  return { kind: 'pipe', path, mode };
}

function takesIpv4Compat(address: string): boolean {
  const canonical = canonicalIp(address);
  return canonical === '::' || canonical.startsWith('::ffff:');
}

/** As the kernel would print it: `0:0::1` is `::1`, `::FFFF:1.2.3.4` is `::ffff:1.2.3.4`. What is no IPv6 address stays as it is. */
export function canonicalIp(address: string): string {
  // Nearly all addresses are IPv4, or are written in the short form already.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const zone = address.indexOf('%');
  const bare = zone === -1 ? address : address.slice(0, zone);
  const short = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
  if (mapped === null) return zone === -1 ? short : short + address.slice(zone);
  const [high, low] = [Number.parseInt(mapped[1], 16), Number.parseInt(mapped[2], 16)];
  return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** A prefix longer than the address is the whole address; without one, it is 0 bits. */
export function readCidrRange(message: CidrRangeMessage, at: Place): CidrRange {
  checkCidrRange(message, at);
  const { addressPrefix, prefixLen = 0 } = message;
  if (isIP(addressPrefix) === 0) throw at.field('address_prefix').problem(`malformed IP address: ${addressPrefix}`);
  const longest = isIPv4(addressPrefix) ? 32 : 128;
  return { address: canonicalIp(addressPrefix), prefixLength: Math.min(prefixLen, longest) };
}

/** Every range that can be read; what is wrong with the others is noted. */
export function readCidrRanges(messages: readonly CidrRangeMessage[], at: Place): CidrRange[] {
  return readAll(messages, at, readCidrRange);
}
