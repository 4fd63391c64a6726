/**
 * How connections to the hosts of a Redis cluster begin. Follows envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { honours } from '#config/read/support.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { DataSource } from '#envoy/config/core/v3/base_pb.js';
import type { RedisProtocolOptions } from '#envoy/extensions/filters/network/redis_proxy/v3/redis_proxy_pb.js';

/** The key of these options among a cluster's. */
export const REDIS_OPTIONS = 'envoy.filters.network.redis_proxy';
const TYPE = 'envoy.extensions.filters.network.redis_proxy.v3.RedisProtocolOptions';
const check = honours(TYPE, ['auth_password', 'auth_username'], {
  refused: {
    aws_iam: 'signing for AWS comes later',
    credentials: 'all hosts of a cluster have the same credentials',
  },
});

export function readRedisOptions(cluster: Cluster, at: Place, context: ReadContext): Pick<ClusterConfig, 'redis'> {
  const any = cluster.typedExtensionProtocolOptions[REDIS_OPTIONS];
  if (any === undefined) return {};
  const place = at.field('typed_extension_protocol_options').key(REDIS_OPTIONS);
  const { type, message } = unpack(any, place);
  if (type.typeName !== TYPE) throw place.problem(`Unable to unpack as ${TYPE}: it is a ${type.typeName}`);
  check(message, place);
  const { authPassword, authUsername } = message as RedisProtocolOptions;
  return {
    redis: {
      authUsername: readSecret(authUsername, place.field('auth_username'), context),
      authPassword: readSecret(authPassword, place.field('auth_password'), context),
    },
  };
}

/** The text of a data source; empty where there is none. */
export function readSecret(source: DataSource | undefined, at: Place, context: ReadContext): string {
  return source === undefined ? '' : readDataSource(source, at, context).bytes.toString();
}
