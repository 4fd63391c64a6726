/**
 * What holds for all clusters. Follows envoy.config.bootstrap.v3.ClusterManager.
 */
import type { Place } from '#api/place.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import { readBindConfig } from '#config/read/bind-config.ts';
import { honours } from '#config/read/support.ts';
import type { ClusterManager } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

const check = honours('envoy.config.bootstrap.v3.ClusterManager', ['local_cluster_name', 'upstream_bind_config'], {
  withoutEffect: { enable_deferred_cluster_creation: 'clusters are made at once' },
  refused: {
    outlier_detection: 'outlier detection comes later',
    load_stats_config: 'load is not reported yet',
  },
});

/** @param clusterNames the static clusters, of which the local one must be. */
export function readClusterManager(
  message: ClusterManager | undefined,
  at: Place,
  clusterNames: ReadonlySet<string>,
): Snapshot['clusterManager'] {
  if (message === undefined) return { localClusterName: '' };
  check(message, at);
  const { localClusterName, upstreamBindConfig } = message;
  if (localClusterName !== '' && !clusterNames.has(localClusterName)) {
    at.field('local_cluster_name').report(`local cluster '${localClusterName}' must be defined`);
  }
  const bind = upstreamBindConfig && readBindConfig(upstreamBindConfig, at.field('upstream_bind_config'), 'Bootstrap');
  return { localClusterName, ...(bind === undefined ? {} : { bind }) };
}
