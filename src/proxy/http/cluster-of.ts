/** The cluster that the router will ask for a request: known to filters before it does, as Envoy's `clusterInfo` is. */
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { chooseCluster } from '#selection/choose-cluster.ts';

/** @returns undefined where the route goes nowhere, or its cluster is not there. */
export function clusterOf(stream: HttpStream): Cluster | undefined {
  const action = stream.selected?.config.action;
  if (action?.kind !== 'route') return undefined;
  const { clusters, runtime } = stream.manager.worker;
  return clusters.get(chooseCluster(action, stream, stream.random, runtime).name);
}

/** What is told of a request names its cluster as soon as a route is chosen, whoever answers it. */
export function noteCluster(stream: HttpStream): void {
  const action = stream.selected?.config.action;
  if (action?.kind !== 'route') return;
  const { clusters, runtime } = stream.manager.worker;
  stream.clusterName = chooseCluster(action, stream, stream.random, runtime).name;
  stream.cluster = clusters.get(stream.clusterName)?.config;
}
