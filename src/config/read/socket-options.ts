/**
 * Options of sockets, and the fields that stand for some of them. Follows envoy.config.core.v3.SocketOption and TcpKeepalive.
 * Numbers are those of Linux.
 */
import type { Place } from '#api/place.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { SocketOption as Message } from '#envoy/config/core/v3/socket_option_pb.js';

const TYPE = 'envoy.config.core.v3.SocketOption';
const check = honours(TYPE, ['description', 'level', 'name', 'int_value', 'buf_value', 'state', 'type', 'ip_version']);
const checkType = honours(`${TYPE}.SocketType`, ['stream', 'datagram']);

/** By number of SocketOption.SocketState. */
const STATES = ['PREBIND', 'BOUND', 'LISTENING'] as const;
/** By number of SocketOption.SocketIpVersion. */
const IP_VERSIONS = [undefined, 4, 6] as const;

/** @param kind of the sockets: options for the other kind are left out. */
export function readSocketOptions(
  messages: readonly Message[],
  at: Place,
  kind: 'stream' | 'datagram',
): SocketOption[] {
  return readAll(messages, at, (message, place) => {
    check(message, place);
    const { type, value, level, name } = message;
    if (type !== undefined) checkType(type, place.field('type'));
    if (value.case === undefined) throw place.problem('one of int_value, buf_value is required');
    const ipVersion = IP_VERSIONS[message.ipVersion];
    if (type !== undefined && type[kind] === undefined) return undefined;
    return {
      level: Number(level),
      name: Number(name),
      value: value.case === 'intValue' ? Number(BigInt.asIntN(32, value.value)) : value.value,
      state: STATES[message.state] ?? 'PREBIND',
      ...(ipVersion === undefined ? {} : { ipVersion }),
    };
  });
}

const SOL_SOCKET = 1;
const SO_KEEPALIVE = 9;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SOL_TCP = 6;
const IP_FREEBIND = 15;
const IPV6_FREEBIND = 78;
const IP_TRANSPARENT = 19;
const IPV6_TRANSPARENT = 75;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_FASTOPEN = 23;

function option(level: number, name: number, value: number, more: Partial<SocketOption> = {}): SocketOption {
  return { level, name, value, state: 'PREBIND', ...more };
}

/** The address need not be there. */
export const FREEBIND: readonly SocketOption[] = [
  option(SOL_IP, IP_FREEBIND, 1, { ipVersion: 4 }),
  option(SOL_IPV6, IPV6_FREEBIND, 1, { ipVersion: 6 }),
];

/** Connections keep their original destination as their own address (TPROXY). */
export const TRANSPARENT: readonly SocketOption[] = [
  option(SOL_IP, IP_TRANSPARENT, 1, { ipVersion: 4 }),
  option(SOL_IPV6, IPV6_TRANSPARENT, 1, { ipVersion: 6 }),
];

/** @param keepalive numbers of probes, seconds. */
export function keepaliveOptions(keepalive: { probes?: number; time?: number; interval?: number }): SocketOption[] {
  const { probes, time, interval } = keepalive;
  const given: [number, number | undefined][] = [
    [TCP_KEEPCNT, probes],
    [TCP_KEEPIDLE, time],
    [TCP_KEEPINTVL, interval],
  ];
  return [
    option(SOL_SOCKET, SO_KEEPALIVE, 1),
    ...given.flatMap(([name, value]) => (value === undefined ? [] : [option(SOL_TCP, name, value)])),
  ];
}

/** @param queue how many connections may wait for their handshake's end with data in them; 0: the feature is off. */
export function fastOpenOptions(queue: number): SocketOption[] {
  return [option(SOL_TCP, TCP_FASTOPEN, queue, { state: 'LISTENING' })];
}
