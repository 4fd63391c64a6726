/**
 * Which addresses count as internal, and what is inside a CIDR range.
 * Follows HttpConnectionManager.InternalAddressConfig.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';

/** @returns a test of an address (without port); an empty address is a unix socket's peer. */
export function internalAddressTest(
  config: HttpConnectionManager['internalAddressConfig'],
): (address: string) => boolean {
  if (config === undefined) return () => false;
  const ranges = new BlockList();
  for (const { address, prefixLength } of config.cidrRanges) {
    ranges.addSubnet(address, prefixLength, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  const { unixSockets } = config;
  const empty = config.cidrRanges.length === 0;
  return (address) => {
    if (address === '' || address.startsWith('/')) return unixSockets;
    if (empty) return false;
    return ranges.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  };
}
