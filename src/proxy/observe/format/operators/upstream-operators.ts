/**
 * The cluster, the host and the connection that served a stream.
 */
import { countOf, nameOf, type OperatorTable } from '#proxy/observe/format/operator.ts';
import { underscored } from '#proxy/observe/format/operators/stream-operators.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export const upstreamOperators: OperatorTable = {
  UPSTREAM_HOST: nameOf((info) => info.upstream?.host),
  UPSTREAM_HOST_NAME: nameOf(hostName),
  UPSTREAM_HOST_NAME_WITHOUT_PORT: nameOf((info) => hostName(info)?.replace(/:[0-9]+$/, '')),
  UPSTREAM_CLUSTER: nameOf((info) => info.cluster?.statName),
  UPSTREAM_CLUSTER_RAW: nameOf((info) => info.cluster?.name),
  UPSTREAM_TRANSPORT_FAILURE_REASON: nameOf((info) => underscored(info.upstream?.transportFailureReason ?? '')),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: countOf((info) => info.attemptCount),
  UPSTREAM_CONNECTION_ID: countOf((info) => info.upstream?.connectionId ?? 0),
  UPSTREAM_SERVER_NAME: nameOf((info) => info.upstream?.tls?.serverName),
};

/** The host's address where it has no name. */
function hostName({ upstream }: StreamInfo): string | undefined {
  return upstream === undefined || upstream.hostname !== '' ? upstream?.hostname : upstream.host;
}
