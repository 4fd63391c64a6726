/**
 * What a UDP listener filter is: it gets every datagram of its listener.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/udp_filters/udp_filters
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import type { Datagram, DatagramSocket } from '#proxy/transport/datagrams/datagram-socket.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** What surrounds a filter. */
export interface UdpFilterParts {
  worker: WorkerContext;
  listener: ListenerConfig;
}

export interface UdpFilterInUse {
  /** @param socket where it came to, and where answers leave from */
  onDatagram(datagram: Datagram, socket: DatagramSocket): void;
  /** Reading from clients failed. */
  onReadError(): void;
  /** The listener is gone: nothing more comes, nothing more can be answered. */
  close(): void;
}
