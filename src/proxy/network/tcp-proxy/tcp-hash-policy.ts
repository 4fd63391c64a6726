/**
 * What the hash policy of a TCP proxy makes of a connection. Follows envoy.type.v3.HashPolicy.
 */
import { type Hash64, xxHash64Text } from '#base/xx-hash.ts';
import type { TcpProxyConfig } from '#config/model/tcp-proxy.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';

/** @returns undefined where it finds nothing: then any host will do */
export function tcpHashKey(policy: TcpProxyConfig['hashPolicy'], connection: DownstreamConnection): Hash64 | undefined {
  if (policy === undefined) return undefined;
  if (policy.kind === 'source_ip') {
    return connection.sourceAddress === '' ? undefined : xxHash64Text(connection.sourceAddress);
  }
  const value = connection.filterState?.get(policy.key);
  return typeof value === 'string' ? xxHash64Text(value) : undefined;
}
