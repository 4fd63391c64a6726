/**
 * Connections to internal listeners: both ends are in this process, on this worker.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/other_features/internal_listener
 */
import { Socket } from 'node:net';
import type { Address } from '#config/model/address.ts';
import type { Metadata } from '#config/model/route.ts';
import type { HandedState } from '#proxy/listeners/downstream-connection.ts';
import { internalPair } from '#proxy/transport/internal-pair.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';
import type { UpstreamConnection } from '#proxy/upstream/upstream-connection.ts';

/**
 * @param secure TLS goes around the socket.
 * @returns the client's end, connected; undefined where no such listener serves.
 */
export function connectInternal(
  connection: UpstreamConnection,
  { name, endpointId }: Extract<Address, { kind: 'internal' }>,
  secure: boolean,
  state: HandedState | undefined,
): OwnedSocket | undefined {
  const { cluster } = connection;
  const listener = cluster.worker.listeners.internal(name);
  if (listener === undefined) return undefined;
  const [client, server] = internalPair(secure);
  // Without the transport socket internal_upstream nothing goes along.
  const passes = cluster.transports.passthroughFor(connection.host) !== undefined;
  const accept = () =>
    asEvent(() => {
      if (client.destroyed) server.destroy();
      else
        listener.acceptInternal(server, {
          endpointId,
          metadata: passedMetadata(connection),
          state: passes ? state : undefined,
        });
    });
  process.nextTick(accept);
  return client;
}

/** A socket that fails at once. @param reason Envoy's text; @param error where it is our own fault */
export function failedConnection(connection: UpstreamConnection, reason: string, error?: Error): Socket {
  const socket = new Socket();
  process.nextTick(() => {
    connection.onTransportFailure(reason);
    socket.destroy(error);
  });
  return socket;
}

/** The metadata of host and cluster that the transport takes along (internal_upstream). */
function passedMetadata({ cluster, host }: UpstreamConnection): Metadata | undefined {
  const wanted = cluster.transports.passthroughFor(host);
  if (wanted === undefined) return undefined;
  const passed: Metadata = {};
  for (const { of, name } of wanted) {
    const value = (of === 'host' ? host.metadata : cluster.config.metadata)[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}
