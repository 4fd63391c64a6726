/**
 * Opens what carries a connection on to a host: a TCP connection.
 */
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { TcpClient, type TcpClientUser, type TcpUpstream } from '#proxy/upstream/tcp-client.ts';

/** Filter state that names the server for TLS to the upstream. */
const SERVER_NAME_STATE = 'envoy.network.upstream_server_name';
/** Filter state that says what ALPN offers there: names with commas between. */
const PROTOCOLS_STATE = 'envoy.network.application_protocols';

/** @returns undefined where there will be none: `user` was told */
export function openTcpUpstream(
  cluster: Cluster,
  host: Host,
  connection: DownstreamConnection,
  user: TcpClientUser,
): TcpUpstream | undefined {
  const { filterState } = connection;
  const serverName = filterState?.get(SERVER_NAME_STATE) as string | undefined;
  const alpn = filterState?.get(PROTOCOLS_STATE) as string | undefined;
  const request = {
    cluster,
    host,
    priority: 'DEFAULT',
    serverName: serverName ?? '',
    alpn: alpn?.split(',') ?? [],
    proxyHeader: cluster.proxyHeaderFor(host, connection),
    state: connection.handedState(),
  } as const;
  return TcpClient.open(request, user);
}
