/**
 * The listener that a connection reaches: by its port, and by its address where that is known.
 * Follows envoy.config.listener.v3.Listener: `address`, `additional_addresses`, `bind_to_port`.
 */
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { parseIp, sameIp } from '#selection/ip-range.ts';
import type { Recorder } from '#selection/recorder.ts';

export interface ChosenListener {
  listener: ListenerConfig;
  address: Address;
}

/** How near an address is; the kernel gives a connection to the nearest. */
const EXACT = 3;
const WILDCARD = 2;
const PORT_ALONE = 1;
const ANY_PORT = 0;

interface Fit {
  rank: number;
  why: string;
}

export function chooseListener(
  listeners: readonly ListenerConfig[],
  request: RequestUnderWay,
  recorder: Recorder,
): ChosenListener | undefined {
  let best: { chosen: ChosenListener; fit: Fit } | undefined;
  const others: { listener: ListenerConfig; why: string }[] = [];
  for (const listener of listeners) {
    const found = nearest(listener, request);
    if (typeof found === 'string') others.push({ listener, why: found });
    else if (best === undefined || found.fit.rank > best.fit.rank) {
      if (best !== undefined) others.push({ listener: best.chosen.listener, why: beaten(best.fit, found.address) });
      best = { chosen: { listener, address: found.address }, fit: found.fit };
    } else others.push({ listener, why: beaten(found.fit, best.chosen.address) });
  }
  if (best !== undefined) recorder.won('listener', best.chosen.listener.name, best.fit.why);
  for (const { listener, why } of others) recorder.lost('listener', listener.name, why);
  return best?.chosen;
}

function beaten(fit: Fit, winner: Address): string {
  return `${addressText(winner)} is nearer: ${fit.why}`;
}

/** @returns the listener's nearest address, or why none takes the connection. */
function nearest(listener: ListenerConfig, request: RequestUnderWay): { address: Address; fit: Fit } | string {
  if (!listener.bindToPort) return 'it does not bind to its port (bind_to_port)';
  let best: { address: Address; fit: Fit } | undefined;
  for (const address of listener.addresses) {
    const fit = fitOf(address, request);
    if (fit !== undefined && (best === undefined || fit.rank > best.fit.rank)) best = { address, fit };
  }
  return best ?? mismatch(listener.addresses, request);
}

function fitOf(address: Address, request: RequestUnderWay): Fit | undefined {
  const { destination, connection } = request;
  if (address.kind === 'pipe')
    return address.path === destination ? { rank: EXACT, why: `listens on ${destination}` } : undefined;
  if (address.kind === 'internal' || destination?.startsWith('/')) return undefined;
  if (address.protocol === 'UDP') return undefined;
  const port = connection.destinationPort;
  if (address.port === 0) {
    return sameHost(address, destination)
      ? { rank: ANY_PORT, why: 'port 0: the system chooses the port, which may be this one' }
      : undefined;
  }
  if (address.port !== port) return undefined;
  if (destination === undefined) return { rank: PORT_ALONE, why: `port ${port}` };
  if (isWildcard(address.address))
    return sameHost(address, destination) ? { rank: WILDCARD, why: `port ${port} on every address` } : undefined;
  return sameHost(address, destination) ? { rank: EXACT, why: `address ${addressText(address)}` } : undefined;
}

function sameHost(address: Address & { kind: 'ip' }, destination: string | undefined): boolean {
  if (destination === undefined) return true;
  const ip = parseIp(destination);
  const own = parseIp(address.address);
  if (ip === undefined || own === undefined) return false;
  if (!isWildcard(address.address)) return sameIp(ip, own);
  // `::` takes IPv4 too where it is told to.
  return address.address.includes(':') === destination.includes(':') || address.ipv4Compat;
}

function isWildcard(address: string): boolean {
  return parseIp(address)?.every((word) => word === 0) === true;
}

function mismatch(addresses: readonly Address[], { destination, connection }: RequestUnderWay): string {
  const port = connection.destinationPort;
  const has = addresses.map((address) => addressText(address)).join(', ');
  const ips = addresses.filter((address) => address.kind === 'ip');
  if (destination?.startsWith('/')) return `socket ${destination}, listener has ${has}`;
  if (ips.length === 0) return `port ${port}, listener has ${has}`;
  if (ips.every((address) => address.port !== port && address.port !== 0))
    return `port ${port}, listener has ${[...new Set(ips.map((address) => address.port))].join(', ')}`;
  return `address ${destination}, listener has ${has}`;
}
