/**
 * The local address that connections to upstreams start from, and how they are kept alive.
 * Follows envoy.config.core.v3.BindConfig and TcpKeepalive.
 */
import type { Place } from '#api/place.ts';
import type { UpstreamBindConfig } from '#config/model/cluster.ts';
import { readSocketAddress } from '#config/read/address.ts';
import { honours } from '#config/read/support.ts';
import type { BindConfig, TcpKeepalive } from '#envoy/config/core/v3/address_pb.js';

const checkBind = honours('envoy.config.core.v3.BindConfig', ['source_address', 'freebind'], {
  withoutEffect: { validate_network_namespaces: 'no address here names a network namespace' },
});
const checkKeepalive = honours('envoy.config.core.v3.TcpKeepalive', [
  'keepalive_probes',
  'keepalive_time',
  'keepalive_interval',
]);

export function readBindConfig(message: BindConfig, at: Place): UpstreamBindConfig {
  checkBind(message, at);
  if (message.freebind) at.collect(at.field('freebind').unsupported('Node cannot set IP_FREEBIND'));
  const source = message.sourceAddress;
  if (source === undefined) return { sourcePort: 0, freebind: false };
  const { address, port } = readSocketAddress(source, at.field('source_address'));
  return { sourceAddress: address, sourcePort: port, freebind: false };
}

/** Numbers of probes, seconds; undefined where the system's setting stays. */
export function readTcpKeepalive(
  message: TcpKeepalive,
  at: Place,
): { probes?: number; time?: number; interval?: number } {
  checkKeepalive(message, at);
  return {
    ...(message.keepaliveProbes === undefined ? {} : { probes: message.keepaliveProbes }),
    ...(message.keepaliveTime === undefined ? {} : { time: message.keepaliveTime }),
    ...(message.keepaliveInterval === undefined ? {} : { interval: message.keepaliveInterval }),
  };
}
