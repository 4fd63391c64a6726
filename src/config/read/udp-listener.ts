/**
 * What UDP listeners have in place of connections and filter chains: the form of their datagrams, and one filter that takes all of them.
 * Follows envoy.config.listener.v3.UdpListenerConfig.
 */
import type { Place } from '#api/place.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { UdpListenerConfig } from '#config/model/udp.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { UdpSocketConfig } from '#envoy/config/core/v3/udp_socket_config_pb.js';
import type { ListenerFilter } from '#envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

const LISTENER = 'envoy.config.listener.v3';
const checkUdp = honours(`${LISTENER}.UdpListenerConfig`, ['downstream_socket_config'], {
  refused: {
    quic_options: 'QUIC, and with it HTTP/3, is not there yet',
    udp_packet_packet_writer_config: 'datagrams leave in as few calls as they can (sendmmsg)',
  },
});
const checkSocket = honours('envoy.config.core.v3.UdpSocketConfig', ['max_rx_datagram_size', 'prefer_gro']);
const checkFilter = honours(`${LISTENER}.ListenerFilter`, ['name', 'typed_config'], {
  where: 'UDP',
  refused: {
    config_discovery: 'filters of UDP listeners are not fetched',
    filter_disabled: 'a UDP listener has no other filter',
  },
});

const DEFAULT_MAX_RX_DATAGRAM_SIZE = 1500;
/** With generic receive offload Envoy reads whatever comes, whatever the limit. */
const LONGEST = 65_535;

/** @param words what errors about the listener begin with */
export function readUdpListener(message: Listener, at: Place, words: string): UdpListenerConfig {
  const { udpListenerConfig: config } = message;
  const place = at.field('udp_listener_config');
  if (config?.quicOptions === undefined) refuseChains(message, at, words);
  if (config === undefined) return { maxRxDatagramSize: DEFAULT_MAX_RX_DATAGRAM_SIZE };
  checkUdp(config, place);
  return {
    maxRxDatagramSize: readMaxDatagramSize(
      config.downstreamSocketConfig,
      place.field('downstream_socket_config'),
      false,
    ),
  };
}

function refuseChains({ filterChains, defaultFilterChain }: Listener, at: Place, words: string): void {
  const count = filterChains.length + (defaultFilterChain === undefined ? 0 : 1);
  if (count === 0) return;
  at.report(`${words}: ${count} filter chain(s) specified for connection-less UDP listener.`);
}

/** The first takes the datagrams: those behind it never get any, as none of them hands any on. */
export function readUdpListenerFilters(
  messages: readonly ListenerFilter[],
  at: Place,
  context: ReadContext,
): FilterUse[] {
  return readAll(messages, at, (message, place) => {
    checkFilter(message, place);
    const { name, configType } = message;
    if (configType.case === 'configDiscovery') throw place.field('config_discovery').unsupported();
    const inside = place.field('typed_config');
    const { typeUrl, config } = readExtension(configType.value, name, 'udp_listener_filter', inside, context);
    return { name, typeUrl, config, disabled: false };
  });
}

/** @param prefersGro what holds where prefer_gro is not set: true of sockets to upstreams */
export function readMaxDatagramSize(message: UdpSocketConfig | undefined, at: Place, prefersGro: boolean): number {
  if (message !== undefined) checkSocket(message, at);
  if (message?.preferGro ?? prefersGro) return LONGEST;
  return Number(message?.maxRxDatagramSize ?? DEFAULT_MAX_RX_DATAGRAM_SIZE);
}
