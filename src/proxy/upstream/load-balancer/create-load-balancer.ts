/**
 * The load balancer of a cluster on one thread, by its lb_policy.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
import type { Clock } from '#base/clock.ts';
import type { Random } from '#base/random.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { BoundedTable } from '#proxy/upstream/load-balancer/bounded-table.ts';
import { HashBalancer, type HashBalancerParts } from '#proxy/upstream/load-balancer/hash-balancer.ts';
import { HashRing, ringStats } from '#proxy/upstream/load-balancer/hash-ring.ts';
import { leastRequest } from '#proxy/upstream/load-balancer/least-request.ts';
import { type LoadBalancer, NO_RUNTIME, type RuntimeNumbers } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { MaglevTable, maglevStats } from '#proxy/upstream/load-balancer/maglev-table.ts';
import { type Policy, PolicyBalancer } from '#proxy/upstream/load-balancer/policy-balancer.ts';
import { randomChoice } from '#proxy/upstream/load-balancer/random-choice.ts';
import { roundRobin } from '#proxy/upstream/load-balancer/round-robin.ts';
import { prepareTurns, type TurnsOptions } from '#proxy/upstream/load-balancer/weighted-turns.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/** What is around a load balancer. */
export interface BalancingEnvironment {
  clock: Clock;
  runtime?: RuntimeNumbers;
  /** The members of the local cluster (cluster_manager.local_cluster_name), for routing by zone. */
  localHosts?: PrioritySet;
  /** Among the stats stands how large its table is: for one thread of all. */
  showsTable?: boolean;
}

/** @param scope the cluster's stats, `cluster.<name>.` */
export function createLoadBalancer(
  config: ClusterConfig,
  hosts: PrioritySet,
  random: Random,
  scope: Scope,
  { clock, runtime = NO_RUNTIME, localHosts, showsTable = false }: BalancingEnvironment,
): LoadBalancer {
  const seed = random.uint32();
  const { commonLb } = config;
  const stats = clusterStats(scope);
  const makeTable = tableMaker(config.lbConfig, scope, showsTable);
  if (makeTable !== undefined) {
    const { ringHash, maglev } = config.lbConfig;
    const { balanceFactor } = ringHash ?? maglev ?? {};
    const bounded: typeof makeTable = (weights) =>
      balanceFactor === undefined
        ? makeTable(weights)
        : new BoundedTable(makeTable(weights), weights, balanceFactor, stats.upstreamRqActive);
    return new HashBalancer(hosts, { commonLb, random, stats, runtime, makeTable: bounded });
  }
  const policy = policyOf(config, random, { clock, runtime, seed });
  return new PolicyBalancer(hosts, policy, {
    commonLb,
    random,
    stats,
    runtime,
    localHosts,
    seed,
  });
}

/** @returns undefined for policies that do not hash */
function tableMaker(
  { ringHash, maglev }: ClusterConfig['lbConfig'],
  scope: Scope,
  shows: boolean,
): HashBalancerParts['makeTable'] | undefined {
  if (ringHash !== undefined) {
    const stats = shows ? ringStats(scope) : undefined;
    return (weights) => new HashRing(weights, ringHash, stats);
  }
  if (maglev === undefined) return undefined;
  const stats = shows ? maglevStats(scope) : undefined;
  return (weights) => new MaglevTable(weights, maglev, stats);
}

function policyOf(
  { name, lbPolicy, lbConfig }: ClusterConfig,
  random: Random,
  environment: Omit<TurnsOptions, 'slowStart'>,
): Policy {
  const turns = { slowStart: lbConfig.slowStart, ...environment };
  switch (lbPolicy) {
    case 'ROUND_ROBIN':
      return roundRobin((source, weightOf) => prepareTurns(source, weightOf, turns));
    case 'LEAST_REQUEST':
      return leastRequest(lbConfig, { random, runtime: turns.runtime }, (source, weightOf) =>
        prepareTurns(source, weightOf, turns),
      );
    case 'RANDOM':
      return randomChoice(random);
    default:
      throw new Error(`cluster '${name}': no load balancer for policy ${lbPolicy}`);
  }
}
