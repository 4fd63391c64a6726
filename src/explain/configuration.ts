/**
 * What is explained: a configuration whose parts are read when a request reaches them.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { NodeInfo } from '#config/model/snapshot.ts';
import type { ExplainedPolicy, ExplainedResponse } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export type ClusterLookup = (name: string) => ClusterConfig | undefined;

export interface ExplainedConfiguration {
  readonly node: NodeInfo;
  readonly listeners: readonly ListenerConfig[];
  readonly runtime: RuntimeLookup;
  readonly cluster: ClusterLookup;
  /** The address of a service, as the configuration tells it, and where. */
  resolve?(host: string, port: number): ResolvedHost | undefined;
  /** The chain with its filters, where they are not read yet. */
  open?(chain: FilterChain): FilterChain;
  /** What policies on the way say to a connection, or with a route to a request. */
  judge?(chain: FilterChain, request: RequestUnderWay, route?: CompiledRoute): Judgement;
  /** What was not understood, or left aside, of the parts that were read. */
  notes?(): string[];
}

export interface ResolvedHost {
  address: string;
  why: string;
}

export interface Judgement {
  policies: ExplainedPolicy[];
  /** The answer of the first that refuses the request. */
  response?: ExplainedResponse;
  /** Why the connection is closed. */
  closed?: string;
}
