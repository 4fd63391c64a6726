/**
 * The cluster that a route sends the request to, or each share where weights decide.
 * Follows envoy.config.route.v3.RouteAction.cluster_specifier and WeightedCluster.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ClusterChoice, RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { ClusterLookup, ExplainedConfiguration } from '#explain/configuration.ts';
import { describeHosts } from '#explain/describe-hosts.ts';
import type { ExplainedCluster, ExplainedShare } from '#explain/explanation.ts';
import { istioResource } from '#explain/istio-resource.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { type ChosenCluster, chooseCluster, weightOf } from '#selection/choose-cluster.ts';
import { SelectionRecord } from '#selection/recorder.ts';

type Surroundings = Pick<ExplainedConfiguration, 'cluster' | 'runtime'>;

export interface ClusterStep {
  explained: ExplainedCluster;
  /** The cluster that the request is followed to: where weights decide, the one of the largest share. */
  chosen: ChosenCluster;
}

export function explainCluster(
  action: RouteAction,
  request: RequestUnderWay,
  configuration: Surroundings,
): ClusterStep {
  const { runtime, cluster: clusterNamed } = configuration;
  const choice = action.cluster;
  if (choice.kind === 'weighted_clusters' && !decidedByHeader(choice, request))
    return byWeight(choice, request, configuration);
  const record = new SelectionRecord();
  const chosen = chooseCluster(action, request, 0, runtime, record);
  const { why, rejected } = record.step('cluster');
  return { explained: { name: chosen.name, why, rejected, ...facts(clusterNamed(chosen.name)) }, chosen };
}

type Weighted = ClusterChoice & { kind: 'weighted_clusters' };

/** A header with a number in it takes the choice away from chance. */
function decidedByHeader({ headerName }: Weighted, { headers }: RequestUnderWay): boolean {
  return headerName !== '' && /^[0-9]{1,20}$/.test(headers.joined(headerName)?.trim() ?? '');
}

function byWeight(
  choice: Weighted,
  request: RequestUnderWay,
  { runtime, cluster: clusterNamed }: Surroundings,
): ClusterStep {
  const weights = choice.clusters.map((weighted) => weightOf(choice, weighted, runtime));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const nameOf = ({ name, clusterHeader }: WeightedCluster) =>
    clusterHeader === '' ? name : (request.headers.get(clusterHeader) ?? '');
  const shares = choice.clusters.map((weighted, i): ExplainedShare => {
    const name = nameOf(weighted);
    const percent = total === 0 ? 0 : Math.round((weights[i] / total) * 10_000) / 100;
    return { name, weight: weights[i], percent, hosts: describeHosts(clusterNamed(name)) };
  });
  const open = shares.filter((share) => share.weight > 0);
  const largest = weights.indexOf(Math.max(...weights));
  const weighted = choice.clusters[largest];
  const chosen = total === 0 ? { name: '' } : { name: nameOf(weighted), weighted };
  const only = open.length === 1 ? open[0].name : undefined;
  return {
    explained: {
      name: only ?? '',
      why: only === undefined ? `by weight, of ${total}` : 'the only one with a weight',
      rejected: [],
      ...(only === undefined ? {} : facts(clusterNamed(only))),
      shares,
    },
    chosen,
  };
}

function facts(cluster: ClusterConfig | undefined): Partial<ExplainedCluster> {
  if (cluster === undefined) return {};
  const resource = istioResource(cluster.metadata);
  return {
    type: cluster.discovery.kind,
    lb_policy: cluster.lbPolicy,
    hosts: describeHosts(cluster),
    ...(cluster.discovery.kind === 'AGGREGATE' ? { clusters: cluster.discovery.clusters } : {}),
    ...(resource === undefined ? {} : { resource }),
  };
}

/** Where a TCP proxy sends connections. */
export function explainTcpClusters(
  clusters: readonly { name: string; weight: number }[],
  clusterNamed: ClusterLookup,
): ExplainedCluster {
  const [first, ...others] = clusters;
  if (first !== undefined && others.length === 0)
    return { name: first.name, why: 'TCP proxy', rejected: [], ...facts(clusterNamed(first.name)) };
  const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
  const shares = clusters.map(({ name, weight }) => ({
    name,
    weight,
    percent: total === 0 ? 0 : Math.round((weight / total) * 10_000) / 100,
    hosts: describeHosts(clusterNamed(name)),
  }));
  return { name: '', why: `TCP proxy, by weight, of ${total}`, rejected: [], shares };
}
