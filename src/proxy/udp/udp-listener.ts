/**
 * A UDP listener on one worker: a socket at each of its addresses, whose datagrams all go to one filter.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/udp_proxy
 */
import { logger } from '#base/logger.ts';
import { addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import { bindError } from '#proxy/listeners/bind-error.ts';
import type { ServedListener } from '#proxy/listeners/served-listener.ts';
import { listenerStatName } from '#proxy/listeners/worker-listener.ts';
import { listenerExtensionStats, listenerStats, listenerThreadStats } from '#proxy/observe/stats/listener-stats.ts';
import type { Counter } from '#proxy/observe/stats/metrics.ts';
import type { DatagramSocket, IpAddress } from '#proxy/transport/datagrams/datagram-socket.ts';
import { bindDatagrams } from '#proxy/transport/datagrams/open-datagrams.ts';
import type { UdpFilterInUse } from '#proxy/udp/udp-filter.ts';
import { udpFilterOf } from '#proxy/udp/udp-filters.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import type { BoundAddress, ListenPlace } from '#proxy/worker-messages.ts';

const DEFAULT_MAX_SIZE = 1500;

export class UdpListener implements ServedListener {
  readonly config: ListenerConfig;
  private readonly worker: WorkerContext;
  private readonly dropped: Counter;
  /** Only the first gets datagrams. */
  private readonly filters: UdpFilterInUse[];
  private sockets: DatagramSocket[] = [];
  private readonly log = logger('udp');

  constructor(config: ListenerConfig, worker: WorkerContext) {
    this.config = config;
    this.worker = worker;
    const scope = worker.scope.scope(`listener.${listenerStatName(config)}`);
    listenerStats(scope);
    listenerExtensionStats(scope);
    listenerThreadStats(scope.scope(`worker_${worker.index}`));
    this.dropped = scope.scope('udp').counter('downstream_rx_datagram_dropped');
    this.filters = config.listenerFilters.map((use) => udpFilterOf(use, { worker, listener: config }));
  }

  /** A listener that this one replaces goes on until this one is bound beside it. */
  async listen(places: readonly ListenPlace[]): Promise<BoundAddress[]> {
    const bound: BoundAddress[] = [];
    for (const [i, configured] of (this.config.addresses as IpAddress[]).entries()) {
      const address = { ...configured, port: configured.port || (places[i]?.port ?? 0) };
      const socket = await this.open(address);
      this.sockets.push(socket);
      const reusable = this.config.enableReusePort;
      bound.push({ address: { ...address, port: socket.local.port }, fds: [], kind: 'udp', reusable });
    }
    return bound;
  }

  private async open(address: IpAddress): Promise<DatagramSocket> {
    const { config, worker } = this;
    const [filter] = this.filters as [UdpFilterInUse?];
    const options = {
      maxSize: config.udp?.maxRxDatagramSize ?? DEFAULT_MAX_SIZE,
      reusePort: config.enableReusePort,
      ipv4Compat: address.ipv4Compat,
    };
    try {
      const socket: DatagramSocket = await bindDatagrams(address, options, {
        onDatagram: (datagram) => {
          try {
            filter?.onDatagram(datagram, socket);
          } catch (error) {
            worker.onBug(error);
          }
        },
        onTruncated: (count) => this.dropped.add(count),
        onReadError: (code) => {
          this.log.debug(() => `listener '${config.name}': cannot read from ${addressText(address)}: ${code}`);
          filter?.onReadError();
        },
      });
      return socket;
    } catch (error) {
      throw bindError(address, error);
    }
  }

  giveUp(): void {
    this.closeSockets();
  }

  leave(): void {
    this.stop();
  }

  end(): void {
    this.stop();
  }

  /** Sessions end with the sockets that their answers would leave from. */
  stop(): void {
    if (this.sockets.length === 0) return;
    for (const filter of this.filters) filter.close();
    this.closeSockets();
  }

  drain(): void {}

  updateChains(): void {}

  endChains(): void {}

  private closeSockets(): void {
    for (const socket of this.sockets) socket.close();
    this.sockets = [];
  }
}
