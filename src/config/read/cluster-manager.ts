/**
 * What holds for all clusters. Follows envoy.config.bootstrap.v3.ClusterManager.
 */
import type { Place } from '#api/place.ts';
import type { GrpcService } from '#config/model/config-source.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import { readBindConfig } from '#config/read/bind-config.ts';
import { readApiConfigSource, V3 } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { honours } from '#config/read/support.ts';
import type { ClusterManager } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';
import type { ApiConfigSource } from '#envoy/config/core/v3/config_source_pb.js';

const check = honours(
  'envoy.config.bootstrap.v3.ClusterManager',
  ['local_cluster_name', 'upstream_bind_config', 'load_stats_config'],
  {
    withoutEffect: { enable_deferred_cluster_creation: 'clusters are made at once' },
    refused: { outlier_detection: 'outlier detection comes later' },
  },
);

/** @param clusterNames the static clusters, of which the local one must be. */
export function readClusterManager(
  message: ClusterManager | undefined,
  at: Place,
  clusterNames: ReadonlySet<string>,
  context: ReadContext,
): Snapshot['clusterManager'] {
  if (message === undefined) return { localClusterName: '' };
  check(message, at);
  const { localClusterName, upstreamBindConfig, loadStatsConfig } = message;
  if (localClusterName !== '' && !clusterNames.has(localClusterName)) {
    at.field('local_cluster_name').report(`local cluster '${localClusterName}' must be defined`);
  }
  const bind =
    upstreamBindConfig && readBindConfig(upstreamBindConfig, at.field('upstream_bind_config'), 'Bootstrap', context);
  const place = at.field('load_stats_config');
  const loadStats = place.attempt(() => loadStatsConfig && readLoadStats(loadStatsConfig, place, context));
  return {
    localClusterName,
    ...(bind === undefined ? {} : { bind }),
    ...(loadStats === undefined ? {} : { loadStats }),
  };
}

/** Envoy ends without a word where it cannot report. */
function readLoadStats(message: ApiConfigSource, at: Place, context: ReadContext): GrpcService {
  const { apiType, grpcServices } = readApiConfigSource({ ...message, transportApiVersion: V3 }, at, context);
  if (apiType !== 'GRPC' && apiType !== 'DELTA_GRPC') {
    throw at.field('api_type').problem('load is reported over gRPC: api_type is GRPC');
  }
  if (grpcServices.length !== 1) throw at.field('grpc_services').problem('load is reported to one gRPC service');
  return grpcServices[0];
}
