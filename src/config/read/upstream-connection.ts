/**
 * How connections to upstreams are made and kept alive.
 * Follows envoy.config.cluster.v3.UpstreamConnectionOptions.
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { readTcpKeepalive } from '#config/read/bind-config.ts';
import { honours } from '#config/read/support.ts';
import type {
  UpstreamConnectionOptions,
  UpstreamConnectionOptions_HappyEyeballsConfig,
} from '#envoy/config/cluster/v3/cluster_pb.js';

const TYPE = 'envoy.config.cluster.v3.UpstreamConnectionOptions';
const check = honours(TYPE, ['tcp_keepalive', 'happy_eyeballs_config'], {
  withoutEffect: { set_local_interface_name_on_upstream_connections: 'nothing is told of the interface' },
});
const checkHappyEyeballs = honours(`${TYPE}.HappyEyeballsConfig`, [
  'first_address_family_version',
  'first_address_family_count',
]);
/** By number of FirstAddressFamilyVersion; pipes and internal addresses have no others beside them here. */
const FAMILIES: readonly (4 | 6 | undefined)[] = [undefined, 4, 6];

export function readConnectionOptions(
  message: UpstreamConnectionOptions | undefined,
  at: Place,
): Pick<ClusterConfig, 'tcpKeepalive' | 'firstFamily'> {
  if (message === undefined) return {};
  check(message, at);
  const { tcpKeepalive, happyEyeballsConfig } = message;
  const firstFamily = happyEyeballsConfig && readFirstFamily(happyEyeballsConfig, at.field('happy_eyeballs_config'));
  return {
    ...(tcpKeepalive === undefined ? {} : { tcpKeepalive: readTcpKeepalive(tcpKeepalive, at.field('tcp_keepalive')) }),
    ...(firstFamily === undefined ? {} : { firstFamily }),
  };
}

function readFirstFamily(message: UpstreamConnectionOptions_HappyEyeballsConfig, at: Place): 4 | 6 | undefined {
  checkHappyEyeballs(message, at);
  const { firstAddressFamilyVersion: version, firstAddressFamilyCount: count } = message;
  if (version >= FAMILIES.length)
    throw at.field('first_address_family_version').problem('only addresses of IP are tried one after another: V4, V6');
  if ((count ?? 1) > 1)
    throw at.field('first_address_family_count').problem('families alternate after each address: only 1 is supported');
  return FAMILIES[version];
}
