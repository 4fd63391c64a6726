/**
 * Choosing a host for a request: what every policy offers and what a request may ask of it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancing
 */
import type { Hash64 } from '#base/xx-hash.ts';
import type { RuntimeDouble } from '#config/model/matchers.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import type { ConnectionView, HeaderView } from '#selection/request-view.ts';

/** Chooses among the hosts of one cluster, on one thread. */
export interface LoadBalancer {
  /** `choose` looks at who asks: it must be given a context with a `request`. Others need one for retries alone. */
  readonly asksRequest: boolean;
  /** @returns the host for the next request, or undefined where there is none to choose. */
  choose(context?: LoadBalancerContext): Host | undefined;
  /**
   * The host that a later `choose` will return, for connections made ahead (predictive_ratio): each call looks one request further.
   * @returns undefined where the policy cannot know.
   */
  peekAnother(): Host | undefined;
  /** What an update of the members comes to, for balancers that make members themselves. */
  withOwn?(update: HostSetUpdate): HostSetUpdate;
  /** Stops listening to the cluster's members. */
  close(): void;
}

/** What a request brings along. A plain request needs none: the fast way. */
export interface LoadBalancerContext {
  /** Who asks. */
  readonly request?: ChoiceView;
  /** Retry host predicates: asked for each host chosen, and another is chosen while this says so. */
  shouldSelectAnotherHost?(host: Host): boolean;
  /** How often another host may be asked for; the last one chosen is taken then. */
  hostSelectionRetryCount: number;
  /** An address that goes before all balancing, where the host is there and usable; strict: no other will do. */
  overrideHost?: { address: string; strict: boolean };
  /** Retry priorities: other shares than those of health. */
  determinePriorityLoad?(sets: readonly HostSet[], load: PriorityLoad): PriorityLoad;
}

/** What a choice may look at: a stream of HTTP, which has all of it, or a connection. */
export interface ChoiceView {
  readonly connection: ConnectionView;
  /** Undefined where it is not HTTP. */
  readonly headers?: HeaderView;
  /** The host that is asked for, port included; empty or undefined where it is not HTTP. */
  readonly host?: string;
  readonly dynamicMetadata?: Readonly<Record<string, unknown>>;
  readonly filterState?: ReadonlyMap<string, unknown>;
  /** What policies that hash choose by; undefined: anything. */
  hashKey?(): Hash64 | undefined;
}

/** Shares of the requests, in percent by priority: healthy and degraded ones together add up to 100. */
export interface PriorityLoad {
  healthy: readonly number[];
  degraded: readonly number[];
}

/** The numbers that operators may set while the proxy runs. */
export interface RuntimeNumbers {
  integer(key: string, fallback: number): number;
  double(number: RuntimeDouble): number;
}

/** For where there is no runtime: what is configured holds. */
export const NO_RUNTIME: RuntimeNumbers = {
  integer: (_, fallback) => fallback,
  double: ({ defaultValue }) => defaultValue,
};
