/**
 * What is explained: a snapshot as it is, or a dump whose parts are read when a request reaches them.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { NodeInfo, Snapshot } from '#config/model/snapshot.ts';
import type { ChosenListener } from '#explain/choose-listener.ts';
import type { ExplainedPolicy, ExplainedResponse, ExplainedWayIn } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { ConnectionView } from '#selection/request-view.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export type ClusterLookup = (name: string) => ClusterConfig | undefined;

export interface ExplainedConfiguration {
  readonly node: NodeInfo;
  readonly listeners: readonly ListenerConfig[];
  readonly runtime: RuntimeLookup;
  readonly cluster: ClusterLookup;
  /** How a redirected connection comes in; undefined: as it is addressed. */
  arrive?(request: RequestUnderWay, recorder: Recorder): Arrival | undefined;
  /** What listener filters find out before a chain is chosen; without it, what the TLS inspector does. */
  inspect?(listener: ListenerConfig, connection: ConnectionView): ConnectionView;
  /** The chain with its filters, where they are not read yet. */
  open?(chain: FilterChain): FilterChain;
  /** What policies on the way say to a connection, or with a route to a request. */
  judge?(chain: FilterChain, request: RequestUnderWay, route?: CompiledRoute): Judgement;
  /** What was not understood, or left aside, of the parts that were read. */
  notes?(): string[];
}

export interface Arrival {
  told: ExplainedWayIn;
  /** Undefined: nothing takes it. */
  chosen?: ChosenListener;
}

export interface Judgement {
  policies: ExplainedPolicy[];
  /** The answer of the first that refuses the request. */
  response?: ExplainedResponse;
  /** Why the connection is closed. */
  closed?: string;
}

/** @param runtime values as they are now. */
export function ofSnapshot({ node, listeners, clusters }: Snapshot, runtime: RuntimeLookup): ExplainedConfiguration {
  return { node, listeners, runtime, cluster: (name) => clusters.find((cluster) => cluster.name === name) };
}
