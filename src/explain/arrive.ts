/**
 * The way into a sidecar. The system redirects the pod's connections to one listener, and those of others to another; the first hands each on
 * to the listener of where it was meant to go (`use_original_dst`), the second chooses its chain by that.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter and
 * envoy.config.listener.v3.Listener.use_original_dst.
 */
import type { Address } from '#config/model/address.ts';
import { addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { NodeInfo } from '#config/model/snapshot.ts';
import { type ChosenListener, chooseListener } from '#explain/choose-listener.ts';
import type { ExplainedConfiguration } from '#explain/configuration.ts';
import type { ExplainedWayIn } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { Recorder } from '#selection/recorder.ts';

const ORIGINAL_DST = '.filters.listener.original_dst.v3.';

type Facts = Pick<ExplainedConfiguration, 'listeners' | 'node' | 'resolve'>;

export interface Arrival {
  told: ExplainedWayIn;
  chosen: ChosenListener;
}

/** @returns undefined where nothing is redirected: there is no such listener, or the connection does not leave the machine. */
export function arrive(facts: Facts, request: RequestUnderWay, recorder: Recorder): Arrival | undefined {
  const { listeners } = facts;
  const { target } = request;
  const local =
    target.hostname === 'localhost' || request.destination?.startsWith('127.') || request.destination === '::1';
  if (local && request.direction === undefined) return undefined;
  const inbound =
    request.direction === 'inbound' ||
    (request.direction === undefined &&
      (request.peer !== undefined ||
        (request.destination !== undefined && ownAddresses(facts.node).includes(request.destination))));
  const way = inbound ? listeners.find(takesInbound) : listeners.find(takesOutbound);
  if (way === undefined) return undefined;
  return inbound ? arriveInbound(way, facts, request, recorder) : arriveOutbound(way, facts, request, recorder);
}

function takesOutbound({ useOriginalDst, bindToPort, trafficDirection }: ListenerConfig): boolean {
  return useOriginalDst && bindToPort && trafficDirection !== 'INBOUND';
}

function takesInbound({ listenerFilters, bindToPort, trafficDirection }: ListenerConfig): boolean {
  return (
    bindToPort &&
    trafficDirection === 'INBOUND' &&
    listenerFilters.some(({ typeUrl }) => typeUrl.includes(ORIGINAL_DST))
  );
}

function arriveInbound(way: ListenerConfig, { node }: Facts, request: RequestUnderWay, recorder: Recorder): Arrival {
  const address = request.destination ?? ownAddresses(node)[0] ?? '';
  request.connection = { ...request.connection, destinationAddress: address };
  recorder.won('listener', way.name, 'takes what comes in from outside');
  const why = 'the system redirects what comes in; the listener filter original_dst tells where it was meant to go';
  return { told: { ...told(way, request), direction: 'inbound', why }, chosen: chosen(way) };
}

function arriveOutbound(way: ListenerConfig, facts: Facts, request: RequestUnderWay, recorder: Recorder): Arrival {
  const { listeners } = facts;
  const resolved =
    request.destination === undefined
      ? facts.resolve?.(request.target.hostname, request.connection.destinationPort)
      : undefined;
  const address = request.destination ?? resolved?.address;
  if (address !== undefined) request.connection = { ...request.connection, destinationAddress: address };
  // Whose address is not known may be anybody's, but not that of one service.
  const mayTake = (listener: ListenerConfig) => address !== undefined || listener.addresses.some(isWildcard);
  const others = listeners
    .filter((listener) => listener !== way && listener.trafficDirection !== 'INBOUND' && mayTake(listener))
    .map((listener) => ({ ...listener, bindToPort: true }));
  request.destination = address;
  const next = chooseListener(others, request, recorder);
  const unknown = `; the address of ${request.target.hostname} is not known (--destination IP:PORT tells it)`;
  const known = resolved === undefined ? (address === undefined ? unknown : '') : `; ${resolved.why}`;
  const why = `the system redirects what goes out${known}`;
  const arrival = { ...told(way, request), direction: 'outbound' as const };
  if (next !== undefined) {
    const original = listeners.find(({ name }) => name === next.listener.name) ?? next.listener;
    return {
      told: { ...arrival, why: `${why}; use_original_dst hands it on` },
      chosen: { ...next, listener: original },
    };
  }
  recorder.won('listener', way.name, 'no listener has the original destination: it stays');
  return { told: { ...arrival, why }, chosen: chosen(way) };
}

function isWildcard(address: Address): boolean {
  return address.kind === 'ip' && /^[0:.]+$/.test(address.address);
}

function chosen(listener: ListenerConfig): ChosenListener {
  return { listener, address: listener.addresses[0] };
}

function told({ name, addresses }: ListenerConfig, { connection, target }: RequestUnderWay) {
  const host = connection.destinationAddress === '' ? target.hostname : connection.destinationAddress;
  const original: Address = {
    kind: 'ip',
    address: host,
    port: connection.destinationPort,
    protocol: 'TCP',
    ipv4Compat: false,
  };
  return { name, address: addressText(addresses[0]), original_destination: addressText(original) };
}

/** As Istio tells them: in the metadata, and in the node's id (`sidecar~10.244.1.5~...`). */
function ownAddresses({ id, metadata }: NodeInfo): string[] {
  const listed = typeof metadata.INSTANCE_IPS === 'string' ? metadata.INSTANCE_IPS.split(',') : [];
  const parts = id.split('~');
  return [...listed, ...(parts.length === 4 ? [parts[1]] : [])].filter((address) => address !== '');
}
