/**
 * How connections to upstreams are kept alive.
 * Follows envoy.config.cluster.v3.UpstreamConnectionOptions.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { readTcpKeepalive } from '#config/read/bind-config.ts';
import { honours } from '#config/read/support.ts';
import type { UpstreamConnectionOptions } from '#envoy/config/cluster/v3/cluster_pb.js';

const check = honours('envoy.config.cluster.v3.UpstreamConnectionOptions', ['tcp_keepalive'], {
  refused: { happy_eyeballs_config: "addresses of a host are tried in Envoy's default order" },
});

export function readConnectionOptions(
  message: UpstreamConnectionOptions | undefined,
  at: Place,
): Pick<ClusterConfig, 'tcpKeepalive'> {
  if (message === undefined) return {};
  check(message, at);
  const { tcpKeepalive } = message;
  return tcpKeepalive === undefined ? {} : { tcpKeepalive: readTcpKeepalive(tcpKeepalive, at.field('tcp_keepalive')) };
}
