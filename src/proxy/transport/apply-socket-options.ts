/**
 * Sets options on a socket. Follows envoy.config.core.v3.SocketOption.
 */
import type { Address } from '#config/model/address.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { intBytes, setSocketOption } from '#proxy/transport/native-sockets.ts';

/** Sets those that are to be set in that state. @throws as setsockopt(2) does */
export function applySocketOptions(
  fd: number,
  address: Address,
  options: readonly SocketOption[],
  state: SocketOption['state'],
): void {
  const version = address.kind === 'ip' ? (address.address.includes(':') ? 6 : 4) : undefined;
  for (const { level, name, value, ipVersion, state: when } of options) {
    if (when !== state || (ipVersion !== undefined && ipVersion !== version)) continue;
    setSocketOption(fd, level, name, typeof value === 'number' ? intBytes(value) : value);
  }
}
