/**
 * Clusters whose hosts are where connections were going.
 * Follows envoy.config.cluster.v3.Cluster.OriginalDstLbConfig, envoy.extensions.clusters.original_dst.v3.OriginalDstCluster and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#original-destination
 */
import type { Place } from '#api/place.ts';
import type { ClusterConfig, OriginalDstOptions } from '#config/model/cluster.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { Cluster, Cluster_OriginalDstLbConfig } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { OriginalDstCluster } from '#envoy/extensions/clusters/original_dst/v3/original_dst_pb.js';
import type { MetadataKey } from '#envoy/type/metadata/v3/metadata_pb.js';

const FIELDS = ['use_http_header', 'http_header_name', 'upstream_port_override', 'metadata_key'];
const checkLbConfig = honours('envoy.config.cluster.v3.Cluster.OriginalDstLbConfig', FIELDS);
const checkTyped = honours('envoy.extensions.clusters.original_dst.v3.OriginalDstCluster', FIELDS);
const checkKey = honours('envoy.type.metadata.v3.MetadataKey', ['key', 'path']);
const checkSegment = honours('envoy.type.metadata.v3.MetadataKey.PathSegment', ['key']);

const DEFAULT_HEADER = 'x-envoy-original-dst-host';
const DEFAULT_CLEANUP_INTERVAL = 5000;

/** By the cluster's own fields. */
export function readOriginalDst(cluster: Cluster, at: Place): ClusterConfig['discovery'] {
  const { lbConfig } = cluster;
  if (lbConfig.case !== 'originalDstLbConfig') return readOptions(cluster, undefined, at);
  const place = at.field('original_dst_lb_config');
  checkLbConfig(lbConfig.value, place);
  return readOptions(cluster, lbConfig.value, place);
}

/** By the cluster type's own message. */
export function readOriginalDstCluster(
  cluster: Cluster,
  message: OriginalDstCluster,
  at: Place,
): ClusterConfig['discovery'] {
  checkTyped(message, at);
  return readOptions(cluster, message, at);
}

type Options = Pick<
  Cluster_OriginalDstLbConfig,
  'useHttpHeader' | 'httpHeaderName' | 'upstreamPortOverride' | 'metadataKey'
>;

function readOptions(cluster: Cluster, options: Options | undefined, at: Place): ClusterConfig['discovery'] {
  const { useHttpHeader = false, httpHeaderName = '', upstreamPortOverride: port, metadataKey } = options ?? {};
  if (httpHeaderName !== '' && !useHttpHeader) {
    const words = `ORIGINAL_DST cluster: invalid config http_header_name=${httpHeaderName} and use_http_header is false`;
    at.field('http_header_name').report(`${words}. Set use_http_header to true if http_header_name is desired.`);
  }
  const originalDst: OriginalDstOptions = {
    ...(useHttpHeader ? { header: (httpHeaderName || DEFAULT_HEADER).toLowerCase() } : {}),
    ...(metadataKey === undefined ? {} : { metadata: readMetadataKey(metadataKey, at.field('metadata_key')) }),
    ...(port === undefined ? {} : { port }),
    cleanupInterval: millisecondsOr(cluster.cleanupInterval, DEFAULT_CLEANUP_INTERVAL),
  };
  return { kind: 'ORIGINAL_DST', originalDst };
}

function readMetadataKey(message: MetadataKey, at: Place): NonNullable<OriginalDstOptions['metadata']> {
  checkKey(message, at);
  const path = message.path.map((segment, i) => {
    checkSegment(segment, at.field('path').index(i));
    return segment.segment.case === 'key' ? segment.segment.value : '';
  });
  return { filter: message.key, path };
}
