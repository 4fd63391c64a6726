/**
 * The cluster, the host and the connection that served a stream.
 */
import { countOf, nameOf, type OperatorTable, type TextOf } from '#proxy/observe/format/operator.ts';
import { underscored } from '#proxy/observe/format/operators/stream-operators.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export const upstreamOperators: OperatorTable = {
  UPSTREAM_HOST: nameOf((info) => info.upstream?.host),
  UPSTREAM_HOST_NAME: nameOf(hostName),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: nameOf((info) => withoutPort(hostName(info))),
  UPSTREAM_CLUSTER: nameOf((info) => info.cluster?.statName),
  UPSTREAM_CLUSTER_RAW: nameOf((info) => info.cluster?.name),
  UPSTREAM_TRANSPORT_FAILURE_REASON: nameOf((info) => underscored(info.upstream?.transportFailureReason ?? '')),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: countOf((info) => info.attemptCount),
  UPSTREAM_CONNECTION_ID: countOf((info) => (isConnected(info) ? (info.upstream?.connectionId ?? 0) : 0)),
  // A new attempt forgets the one before, here as in Envoy: each of these lists has one entry at most.
  UPSTREAM_HOSTS_ATTEMPTED: nameOf(ofConnected((info) => info.upstream?.host)),
  UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT: nameOf(ofConnected((info) => withoutPort(info.upstream?.host))),
  UPSTREAM_HOST_NAMES_ATTEMPTED: nameOf(ofConnected(hostName)),
  UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT: nameOf(ofConnected((info) => withoutPort(hostName(info)))),
  UPSTREAM_CONNECTION_IDS_ATTEMPTED: nameOf(ofConnected((info) => String(info.upstream?.connectionId))),
  UPSTREAM_DETECTED_CLOSE_TYPE: nameOf((info) => info.upstreamCloseType ?? (info.upstream && 'Normal')),
  UPSTREAM_LOCAL_CLOSE_REASON: nameOf((info) => info.upstreamLocalCloseReason),
  UPSTREAM_SERVER_NAME: nameOf((info) => info.upstream?.tls?.serverName),
};

/** The host's address where it has no name. */
function hostName({ upstream }: StreamInfo): string | undefined {
  return upstream === undefined || upstream.hostname !== '' ? upstream?.hostname : upstream.host;
}

/** The attempt got as far as a connection. */
export function isConnected({ upstream }: StreamInfo): boolean {
  return upstream !== undefined && upstream.localAddress !== '';
}

function ofConnected(read: TextOf): TextOf {
  return (info) => (isConnected(info) ? read(info) : undefined);
}

/** `host.test:80` and `[::1]:80` without the port. */
function withoutPort(host: string | undefined): string | undefined {
  return host?.replace(/:[0-9]+$/, '');
}
