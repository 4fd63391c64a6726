/**
 * The addresses at both ends of the downstream and the upstream connection: whole, without the port, masked to a prefix, or the port alone.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { networkText } from '#config/syntax/network-text.ts';
import {
  nameOf,
  type Operator,
  type OperatorDefinition,
  type OperatorTable,
  plain,
  type TextOf,
  textOperator,
} from '#proxy/observe/format/operator.ts';
import { isConnected } from '#proxy/observe/format/operators/upstream-operators.ts';

const remote: TextOf = (info) => known(info.remoteAddress);
const directRemote: TextOf = (info) => known(info.connection.directRemoteAddress);
const local: TextOf = (info) => known(info.connection.localAddress);
const directLocal: TextOf = ({ connection }) => known(connection.directLocalAddress ?? connection.localAddress);
const upstreamRemote: TextOf = (info) => (isConnected(info) ? known(info.upstream?.remoteAddress) : undefined);
const upstreamLocal: TextOf = (info) => known(info.upstream?.localAddress);

const INTERNAL = /^envoy:\/\/[^/]*\/(.*)$/;

/** Addresses of internal listeners have ids; others have an empty one. */
function endpointId(address: TextOf): OperatorDefinition {
  return plain(
    textOperator((info) => {
      const text = address(info);
      return text === undefined ? undefined : (INTERNAL.exec(text)?.[1] ?? '');
    }),
  );
}

export const addressOperators: OperatorTable = {
  DOWNSTREAM_REMOTE_ADDRESS: nameOf(remote),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: withoutPort(remote),
  DOWNSTREAM_REMOTE_PORT: port(remote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: nameOf(directRemote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: withoutPort(directRemote),
  DOWNSTREAM_DIRECT_REMOTE_PORT: port(directRemote),
  DOWNSTREAM_LOCAL_ADDRESS: nameOf(local),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: withoutPort(local),
  DOWNSTREAM_LOCAL_PORT: port(local),
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: endpointId(local),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: nameOf(directLocal),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: withoutPort(directLocal),
  DOWNSTREAM_DIRECT_LOCAL_PORT: port(directLocal),
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: endpointId(directLocal),
  UPSTREAM_REMOTE_ADDRESS: nameOf(upstreamRemote),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: withoutPort(upstreamRemote),
  UPSTREAM_REMOTE_PORT: port(upstreamRemote),
  UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID: endpointId(upstreamRemote),
  UPSTREAM_LOCAL_ADDRESS: nameOf(upstreamLocal),
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: withoutPort(upstreamLocal),
  UPSTREAM_LOCAL_PORT: port(upstreamLocal),
};

function known(address: string | undefined): string | undefined {
  return address === '' ? undefined : address;
}

/** The argument is the length of a prefix, `10.1.0.0/16`; one that is no number is passed over, as by Envoy. */
function withoutPort(address: TextOf): OperatorDefinition {
  const bare: TextOf = (info) => {
    const text = address(info);
    return text === undefined ? undefined : stripPort(text);
  };
  return (argument) => {
    if (!/^[+-]?[0-9]+$/.test(argument)) return textOperator(bare);
    const length = Number(argument);
    return textOperator((info) => {
      const text = bare(info);
      return text === undefined ? undefined : masked(text, length);
    });
  };
}

/** A number in JSON; a unix socket has none, which is empty text. */
function port(address: TextOf): OperatorDefinition {
  const read: TextOf = (info) => {
    const text = address(info);
    return text === undefined ? undefined : portOf(text);
  };
  const operator: Operator = { text: read, json: (info) => read(info) || undefined };
  return plain(operator);
}

/** `127.0.0.1:80` without its port, `[::1]:80` without its brackets too; a path as it is. */
export function stripPort(address: string): string {
  const colon = address.lastIndexOf(':');
  if (colon < 0 || isNoIp(address)) return address;
  return address.startsWith('[') ? address.slice(1, colon - 1) : address.slice(0, colon);
}

/** A unix socket's path, or an internal listener. */
function isNoIp(address: string): boolean {
  return address.startsWith('/') || address.startsWith('@') || address.startsWith('envoy://');
}

function portOf(address: string): string {
  if (isNoIp(address)) return '';
  return address.slice(address.lastIndexOf(':') + 1);
}

/** @returns the network of `length` bits, or as many as there are, that the address is in; empty where the length is negative. */
function masked(address: string, length: number): string {
  if (length < 0) return '';
  if (isIPv4(address)) return networkText({ address, prefixLength: Math.min(length, 32) });
  if (!isIPv6(address)) return address;
  const [network, prefix] = networkText({ address, prefixLength: Math.min(length, 128) }).split('/');
  return `${new SocketAddress({ address: network, family: 'ipv6' }).address}/${prefix}`;
}
