/**
 * The cluster that a route sends the request to, or each share where weights decide.
 * Follows envoy.config.route.v3.RouteAction.cluster_specifier and WeightedCluster.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { ClusterChoice, RouteAction, WeightedCluster } from '#config/model/route.ts';
import { describeHosts } from '#explain/describe-hosts.ts';
import type { ExplainedCluster, ExplainedShare } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { type ChosenCluster, chooseCluster, weightOf } from '#selection/choose-cluster.ts';
import { SelectionRecord } from '#selection/recorder.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export interface ClusterStep {
  explained: ExplainedCluster;
  /** The cluster that the request is followed to: where weights decide, the one of the largest share. */
  chosen: ChosenCluster;
}

export function explainCluster(
  action: RouteAction,
  request: RequestUnderWay,
  clusters: readonly ClusterConfig[],
  runtime: RuntimeLookup,
): ClusterStep {
  const choice = action.cluster;
  if (choice.kind === 'weighted_clusters' && !decidedByHeader(choice, request))
    return byWeight(choice, request, clusters, runtime);
  const record = new SelectionRecord();
  const chosen = chooseCluster(action, request, 0, runtime, undefined, record);
  const { why, rejected } = record.step('cluster');
  return { explained: { name: chosen.name, why, rejected, ...facts(chosen.name, clusters) }, chosen };
}

type Weighted = ClusterChoice & { kind: 'weighted_clusters' };

/** A header with a number in it takes the choice away from chance. */
function decidedByHeader({ headerName }: Weighted, { headers }: RequestUnderWay): boolean {
  return headerName !== '' && /^[0-9]{1,20}$/.test(headers.joined(headerName)?.trim() ?? '');
}

function byWeight(
  choice: Weighted,
  request: RequestUnderWay,
  clusters: readonly ClusterConfig[],
  runtime: RuntimeLookup,
): ClusterStep {
  const weights = choice.clusters.map((weighted) => weightOf(choice, weighted, runtime));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const nameOf = ({ name, clusterHeader }: WeightedCluster) =>
    clusterHeader === '' ? name : (request.headers.get(clusterHeader) ?? '');
  const shares = choice.clusters.map((weighted, i): ExplainedShare => {
    const name = nameOf(weighted);
    const percent = total === 0 ? 0 : Math.round((weights[i] / total) * 10_000) / 100;
    return { name, weight: weights[i], percent, hosts: describeHosts(clusterNamed(name, clusters)) };
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
      ...(only === undefined ? {} : facts(only, clusters)),
      shares,
    },
    chosen,
  };
}

function facts(name: string, clusters: readonly ClusterConfig[]): Partial<ExplainedCluster> {
  const cluster = clusterNamed(name, clusters);
  if (cluster === undefined) return {};
  return { type: cluster.discovery.kind, lb_policy: cluster.lbPolicy, hosts: describeHosts(cluster) };
}

export function clusterNamed(name: string, clusters: readonly ClusterConfig[]): ClusterConfig | undefined {
  return clusters.find((cluster) => cluster.name === name);
}
