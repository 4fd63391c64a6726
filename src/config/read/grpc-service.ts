/**
 * A gRPC service that the proxy calls, through a cluster of its own. Follows envoy.config.core.v3.GrpcService.
 */
import type { Place } from '#api/place.ts';
import type { GrpcService } from '#config/model/config-source.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { RetryPolicy } from '#envoy/config/core/v3/base_pb.js';
import type { GrpcService as Message } from '#envoy/config/core/v3/grpc_service_pb.js';

const TYPE = 'envoy.config.core.v3.GrpcService';
const check = honours(TYPE, ['envoy_grpc', 'timeout', 'initial_metadata'], {
  refused: {
    google_grpc: 'write envoy_grpc with a cluster',
    retry_policy: 'write it in envoy_grpc',
  },
});
const checkEnvoyGrpc = honours(`${TYPE}.EnvoyGrpc`, [
  'cluster_name',
  'authority',
  'retry_policy',
  'max_receive_message_length',
  'skip_envoy_headers',
]);
const checkHeader = honours('envoy.config.core.v3.HeaderValue', ['key', 'value', 'raw_value'], { where: 'gRPC' });
const checkRetry = honours('envoy.config.core.v3.RetryPolicy', ['retry_back_off'], {
  where: 'gRPC',
  withoutEffect: { num_retries: 'as in Envoy, streams of configuration are opened again for ever' },
  refused: {
    retry_on: 'streams of configuration are opened again for ever',
    retry_priority: 'it is for requests of clients',
    retry_host_predicate: 'it is for requests of clients',
    host_selection_retry_max_attempts: 'it is for requests of clients',
  },
});
const checkBackOff = honours('envoy.config.core.v3.BackoffStrategy', ['base_interval', 'max_interval'], {
  where: 'gRPC',
});

/** @throws PlacedError for a service that cannot be called from here. */
export function readGrpcService(message: Message, at: Place): GrpcService {
  check(message, at);
  const { targetSpecifier: target } = message;
  if (target.case !== 'envoyGrpc') throw at.problem('a gRPC service is called by envoy_grpc here');
  const place = at.field('envoy_grpc');
  checkEnvoyGrpc(target.value, place);
  return {
    clusterName: target.value.clusterName,
    authority: target.value.authority,
    timeout: millisecondsOr(message.timeout, 0),
    initialMetadata: message.initialMetadata.map((header, i) => {
      checkHeader(header, at.field('initial_metadata').index(i));
      const raw = header.rawValue.length > 0 ? new TextDecoder('latin1').decode(header.rawValue) : header.value;
      return { key: header.key.toLowerCase(), value: raw };
    }),
    skipEnvoyHeaders: target.value.skipEnvoyHeaders,
    maxReceiveMessageLength: target.value.maxReceiveMessageLength ?? 0,
    ...readRetry(target.value.retryPolicy, place.field('retry_policy')),
  };
}

function readRetry(message: RetryPolicy | undefined, at: Place): Pick<GrpcService, 'retry'> {
  if (message === undefined) return {};
  checkRetry(message, at);
  const { retryBackOff: backOff } = message;
  if (backOff === undefined) return {};
  checkBackOff(backOff, at.field('retry_back_off'));
  const baseInterval = millisecondsOr(backOff.baseInterval, 500);
  const maxInterval = millisecondsOr(backOff.maxInterval, baseInterval * 10);
  if (maxInterval < baseInterval) {
    throw at.field('retry_back_off').problem('max_interval must be greater than or equal to the base_interval');
  }
  return { retry: { baseInterval, maxInterval } };
}
