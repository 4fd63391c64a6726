/**
 * Clusters as istioctl shows them.
 * Follows envoy.config.cluster.v3.Cluster and https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
 */

import { istioResource } from '#cli/writers/istio-resource.ts';
import { parseSubsetKey, sortByKey } from '#cli/writers/subset-key.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface ClusterFilter {
  fqdn: string;
  port: number;
  subset: string;
  direction: string;
}

export interface ClusterTableOptions {
  /** In `proxy-config all`, rows begin with `cluster/NAME`. */
  named: boolean;
  color: boolean;
}

/** Sorted; each part of the filter stands somewhere in the name. */
export function filterClusters(
  clusters: readonly JsonObject[],
  filter: ClusterFilter,
  reader: DumpReader,
): JsonObject[] {
  const parts = [filter.fqdn, filter.direction, filter.subset, filter.port === 0 ? '' : `|${filter.port}|`];
  const name = (cluster: JsonObject) => reader.text(cluster, 'name');
  return sortByKey(clusters, name).filter((cluster) => parts.every((part) => name(cluster).includes(part)));
}

export function clustersTable(
  clusters: readonly JsonObject[],
  reader: DumpReader,
  { named, color }: ClusterTableOptions,
): string {
  const rows = clusters.map((cluster) => {
    const name = reader.text(cluster, 'name');
    reader.resource = `cluster '${name}'`;
    const shown = named ? `cluster/${name}` : name;
    const key = parseSubsetKey(name);
    const parts =
      key === undefined
        ? [shown, '-', '-', '-']
        : [key.host, String(key.port), key.subset === '' ? '-' : key.subset, key.direction];
    return [...(named ? [shown] : []), ...parts, typeOf(cluster, reader), istioResource(cluster, reader)];
  });
  const heading = ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'];
  return renderTable([...(named ? ['NAME'] : []), ...heading], rows, { gap: 5, color });
}

const TYPES = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'];

function typeOf(cluster: JsonObject, reader: DumpReader): string {
  if (typeof cluster.type === 'number') return TYPES[cluster.type] ?? String(cluster.type);
  return reader.text(cluster, 'type') || TYPES[0];
}
