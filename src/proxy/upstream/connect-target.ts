/**
 * Where connections to a host go. A host with several addresses is tried at each in turn, families alternating; the next attempt starts when
 * one fails, or has been under way for 300 ms. Each of several starts from its source once it is tried: see connect-attempts.ts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/happy_eyeballs and RFC 8305
 */
import { isIPv6, type LookupFunction } from 'node:net';
import type { Address } from '#config/model/address.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import type { ConnectTarget } from '#proxy/tls/upstream-context.ts';

/** Envoy's, in milliseconds. */
const ATTEMPT_TIMEOUT = 300;

/** Stands where a name belongs, so that the socket asks for the addresses. */
const SEVERAL = 'addresses.invalid';

/**
 * @param others more addresses of the host, on the same port
 * @param firstFamily whose addresses begin, where the host has one; without it, the first address's
 */
export function connectTarget(
  address: Address,
  others: readonly Address[],
  { bind, firstFamily }: Pick<ClusterConfig, 'bind' | 'firstFamily'>,
): ConnectTarget {
  if (address.kind === 'pipe') return { path: address.path };
  if (address.kind === 'internal') throw new Error(`internal address ${address.name} cannot be connected to`);
  const where = { port: address.port, noDelay: true };
  if (others.length === 0)
    return { ...where, ...sourceFor(address.address, bind), host: address.address, autoSelectFamily: false };
  const addresses = [address, ...others].flatMap((each) => (each.kind === 'ip' ? [lookedUp(each.address)] : []));
  return {
    ...where,
    host: SEVERAL,
    // Node begins with the family of the first.
    lookup: lookupOf(addresses.sort((a, b) => Number(b.family === firstFamily) - Number(a.family === firstFamily))),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT,
  };
}

/** Where it starts from, if not from anywhere. The second source serves the hosts of its own family. */
export function sourceFor(address: string, bind: ClusterConfig['bind']): { localAddress?: string; localPort?: number } {
  if (bind?.sourceAddress === undefined) return {};
  const { extraSource } = bind;
  if (extraSource !== undefined && isIPv6(extraSource.address) === isIPv6(address)) {
    return localEnd(extraSource.address, extraSource.port);
  }
  return localEnd(bind.sourceAddress, bind.sourcePort);
}

/** Options for the socket of a connection to that address. */
export function socketOptionsFor(address: string, bind: ClusterConfig['bind']): readonly SocketOption[] {
  if (bind === undefined) return [];
  const { extraSource } = bind;
  const isExtra = extraSource !== undefined && isIPv6(extraSource.address) === isIPv6(address);
  return (isExtra ? extraSource.socketOptions : undefined) ?? bind.socketOptions;
}

function localEnd(localAddress: string, port: number): { localAddress: string; localPort?: number } {
  return port > 0 ? { localAddress, localPort: port } : { localAddress };
}

function lookedUp(address: string): { address: string; family: 4 | 6 } {
  return { address, family: address.includes(':') ? 6 : 4 };
}

/** Answers later, as a lookup does: who connects listens to attempts only once it has the socket. */
function lookupOf(addresses: readonly { address: string; family: 4 | 6 }[]): LookupFunction {
  const [first] = addresses;
  return (_name, { all }, done) => {
    if (all) process.nextTick(done, null, addresses);
    else process.nextTick(done, null, first.address, first.family);
  };
}
