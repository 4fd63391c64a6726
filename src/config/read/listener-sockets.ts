/**
 * How a listener's sockets are set up, for each of its addresses. Follows envoy.config.listener.v3.Listener: `socket_options`, `transparent`,
 * `freebind`, `tcp_keepalive`, `tcp_fast_open_queue_length`, `enable_mptcp`, and AdditionalAddress.
 */
import type { Place } from '#api/place.ts';
import type { Address } from '#config/model/address.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { readAddress } from '#config/read/address.ts';
import { readTcpKeepalive } from '#config/read/bind-config.ts';
import { readAll } from '#config/read/read-all.ts';
import {
  FREEBIND,
  fastOpenOptions,
  keepaliveOptions,
  readSocketOptions,
  TRANSPARENT,
} from '#config/read/socket-options.ts';
import { honours } from '#config/read/support.ts';
import type { AdditionalAddress, Listener } from '#envoy/config/listener/v3/listener_pb.js';

const checkAdditional = honours('envoy.config.listener.v3.AdditionalAddress', [
  'address',
  'socket_options',
  'tcp_keepalive',
]);
const checkOverride = honours('envoy.config.core.v3.SocketOptionsOverride', ['socket_options']);

const SAME_TYPE = 'The listener only support same socket type for all the addresses.';

/** An address, and the options of its socket in the order in which they are set. */
export interface ReadSocket {
  address: Address;
  options: SocketOption[];
}

/** The first is of `address`, the others of `additional_addresses`. */
export function readListenerSockets(message: Listener, at: Place): ReadSocket[] {
  const common = commonOptions(message);
  const place = at.field('address');
  const own = [
    ...common,
    ...(message.tcpKeepalive === undefined ? [] : keepalive(message.tcpKeepalive, at.field('tcp_keepalive'))),
    ...readSocketOptions(message.socketOptions, at.field('socket_options'), 'stream'),
  ];
  const first = { address: readAddress(message.address, place), options: own };
  const others = readAll(message.additionalAddresses, at.field('additional_addresses'), (additional, inside) =>
    readAdditional(additional, inside, message, common, at),
  );
  for (const [i, { address }] of others.entries()) {
    if (isUdp(address) === isUdp(first.address)) continue;
    const words = `listener ${message.name}: has different socket type. ${SAME_TYPE}`;
    throw at.field('additional_addresses').index(i).field('address').problem(words);
  }
  return [first, ...others];
}

function commonOptions({ freebind, transparent, tcpFastOpenQueueLength }: Listener): SocketOption[] {
  return [
    ...(transparent === true ? TRANSPARENT : []),
    ...(freebind === true ? FREEBIND : []),
    ...(tcpFastOpenQueueLength === undefined ? [] : fastOpenOptions(tcpFastOpenQueueLength)),
  ];
}

/** What it does not say itself, the listener says. */
function readAdditional(
  additional: AdditionalAddress,
  at: Place,
  message: Listener,
  common: SocketOption[],
  listener: Place,
): ReadSocket {
  checkAdditional(additional, at);
  const inside = at.field('address');
  const address = readAddress(additional.address, inside);
  const alive: [typeof additional.tcpKeepalive, Place] =
    additional.tcpKeepalive === undefined
      ? [message.tcpKeepalive, listener.field('tcp_keepalive')]
      : [additional.tcpKeepalive, at.field('tcp_keepalive')];
  const override = additional.socketOptions;
  if (override !== undefined) checkOverride(override, at.field('socket_options'));
  const options =
    override === undefined
      ? readSocketOptions(message.socketOptions, listener.field('socket_options'), 'stream')
      : readSocketOptions(override.socketOptions, at.field('socket_options').field('socket_options'), 'stream');
  return {
    address,
    options: [...common, ...(alive[0] === undefined ? [] : keepalive(alive[0], alive[1])), ...options],
  };
}

function keepalive(message: NonNullable<Listener['tcpKeepalive']>, at: Place): SocketOption[] {
  return keepaliveOptions(readTcpKeepalive(message, at));
}

export function isUdp(address: Address): boolean {
  return address.kind === 'ip' && address.protocol === 'UDP';
}
