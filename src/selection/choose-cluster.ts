/**
 * Chooses the cluster of a request on a route: the one named, the one that a header names, or one of several by weight.
 * Follows envoy.config.route.v3.RouteAction.cluster_specifier and WeightedCluster.
 */
import { type Hash64, remainder } from '#base/xx-hash.ts';
import type { ClusterChoice, RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { RequestView } from '#selection/request-view.ts';
import { CONFIGURED_ONLY, type RuntimeLookup } from '#selection/runtime-lookup.ts';

export interface ChosenCluster {
  /** Empty where a header should name it and does not. */
  name: string;
  /** Set where weights decided. */
  weighted?: WeightedCluster;
}

type Weighted = ClusterChoice & { kind: 'weighted_clusters' };

/**
 * @param random a whole number from 0 on, stable for the request.
 */
export function chooseCluster(
  action: RouteAction,
  request: RequestView,
  random: number,
  runtime: RuntimeLookup = CONFIGURED_ONLY,
  recorder?: Recorder,
): ChosenCluster {
  const choice = action.cluster;
  switch (choice.kind) {
    case 'cluster':
      if (recorder !== undefined) recorder.won('cluster', choice.name, 'the route names it');
      return choice;
    case 'cluster_header': {
      const name = request.headers.get(choice.header) ?? '';
      if (recorder !== undefined) recorder.won('cluster', name, `header ${choice.header} names it`);
      return { name };
    }
    case 'weighted_clusters':
      return chooseWeighted(
        choice,
        request,
        (choice.useHashPolicy ? request.hashKey?.() : undefined) ?? random,
        runtime,
        recorder,
      );
  }
}

function chooseWeighted(
  choice: Weighted,
  request: RequestView,
  random: number | Hash64,
  runtime: RuntimeLookup,
  recorder: Recorder | undefined,
): ChosenCluster {
  const total = choice.runtimeKeyPrefix === '' ? choice.totalWeight : totalOf(choice, runtime);
  if (total === 0) return { name: '' };
  const selected = selectedValue(choice, request, random, total);
  let end = 0;
  for (const weighted of choice.clusters) {
    end += weightOf(choice, weighted, runtime);
    if (selected >= end) continue;
    const chosen = { name: clusterOf(weighted, request), weighted };
    if (recorder !== undefined) recordWeighted(choice, chosen, selected, total, runtime, recorder);
    return chosen;
  }
  return { name: '' };
}

/** The weight that holds now: the runtime's `prefix.name` where a prefix is set. */
export function weightOf(choice: Weighted, { name, weight }: WeightedCluster, runtime: RuntimeLookup): number {
  return choice.runtimeKeyPrefix === '' ? weight : runtime.integer(`${choice.runtimeKeyPrefix}.${name}`, weight);
}

function totalOf(choice: Weighted, runtime: RuntimeLookup): number {
  return choice.clusters.reduce((sum, weighted) => sum + weightOf(choice, weighted, runtime), 0);
}

/** A header with one whole number in it decides where `header_name` says so; with any other value, the request's own number does. */
function selectedValue(choice: Weighted, request: RequestView, random: number | Hash64, total: number): number {
  if (choice.headerName !== '') {
    const value = request.headers.joined(choice.headerName)?.trim() ?? '';
    // Numbers of up to 64 bits are taken whole.
    if (/^[0-9]{1,20}$/.test(value)) return Number(BigInt(value) % BigInt(total));
  }
  return typeof random === 'number' ? random % total : remainder(random, total);
}

function clusterOf({ name, clusterHeader }: WeightedCluster, request: RequestView): string {
  return clusterHeader === '' ? name : (request.headers.get(clusterHeader) ?? '');
}

function recordWeighted(
  choice: Weighted,
  chosen: ChosenCluster,
  selected: number,
  total: number,
  runtime: RuntimeLookup,
  recorder: Recorder,
): void {
  for (const weighted of choice.clusters) {
    const share = `weight ${weightOf(choice, weighted, runtime)} of ${total}`;
    if (weighted === chosen.weighted) recorder.won('cluster', chosen.name, `${share}, by the value ${selected}`);
    else recorder.lost('cluster', weighted.name || `(header ${weighted.clusterHeader})`, share);
  }
}
