/**
 * Several clusters that share a route's requests. Follows envoy.config.route.v3.WeightedCluster.
 */
import type { Place } from '#api/place.ts';
import type { ClusterChoice, WeightedCluster } from '#config/model/route.ts';
import { HEADER_MUTATION_FIELDS, readHeaderMutations } from '#config/read/header-mutation.ts';
import { readPerFilterConfig } from '#config/read/per-filter-config.ts';
import { readAll } from '#config/read/read-all.ts';
import { checkCluster, type RouteContext } from '#config/read/route-context.ts';
import { honours } from '#config/read/support.ts';
import type {
  WeightedCluster_ClusterWeight,
  WeightedCluster as WeightedClusterMessage,
} from '#envoy/config/route/v3/route_components_pb.js';

const TYPE = 'envoy.config.route.v3.WeightedCluster';
const check = honours(TYPE, ['clusters', 'total_weight', 'runtime_key_prefix', 'header_name', 'use_hash_policy']);
const checkWeight = honours(
  `${TYPE}.ClusterWeight`,
  ['name', 'cluster_header', 'weight', ...HEADER_MUTATION_FIELDS, 'typed_per_filter_config', 'host_rewrite_literal'],
  { withoutEffect: { metadata_match: 'it chooses among subsets of hosts; a cluster that has some is refused' } },
);

/** Weights are 32 bits wide in Envoy, and so is their sum. */
const MAX_TOTAL = 0xffff_ffff;

export function readWeightedClusters(message: WeightedClusterMessage, at: Place, context: RouteContext): ClusterChoice {
  check(message, at);
  const place = at.field('clusters');
  const clusters = readAll(message.clusters, place, (weight, entry) => readWeight(weight, entry, context));
  const sum = clusters.reduce((total, { weight }) => total + weight, 0);
  if (clusters.length === message.clusters.length && sum === 0) {
    throw place.problem('Sum of weights in the weighted_cluster must be greater than 0.');
  }
  if (sum > MAX_TOTAL) {
    throw place.problem(`The sum of weights of all weighted clusters exceeds ${MAX_TOTAL}`);
  }
  const { randomValueSpecifier: random } = message;
  return {
    kind: 'weighted_clusters',
    clusters,
    totalWeight: sum,
    runtimeKeyPrefix: message.runtimeKeyPrefix,
    headerName: random.case === 'headerName' ? random.value.toLowerCase() : '',
    useHashPolicy: random.case === 'useHashPolicy' && random.value.value,
  };
}

function readWeight(message: WeightedCluster_ClusterWeight, at: Place, context: RouteContext): WeightedCluster {
  checkWeight(message, at);
  const { name, clusterHeader, weight, hostRewriteSpecifier: host } = message;
  if (name !== '' && clusterHeader !== '') throw at.problem('Only one of name or cluster_header can be specified');
  if (name === '' && clusterHeader === '') {
    throw at.problem('At least one of name or cluster_header need to be specified');
  }
  if (weight === undefined) throw at.field('weight').problem("Field 'weight' is missing in the cluster");
  if (name !== '') checkCluster(name, 'weighted cluster', at.field('name'), context);
  return {
    name,
    clusterHeader: clusterHeader.toLowerCase(),
    weight,
    headers: readHeaderMutations(message, at),
    hostRewriteLiteral: host.case === 'hostRewriteLiteral' ? host.value : '',
    perFilterConfig: readPerFilterConfig(message.typedPerFilterConfig, at.field('typed_per_filter_config'), context),
  };
}
