/**
 * EDS: the members of clusters from a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#endpoint-discovery-service-eds
 */
import { type Schedule, systemSchedule } from '#base/timers.ts';
import { type KnownEndpoints, loadAssignment } from '#config/load-assignment.ts';
import type { LoadAssignment } from '#config/model/cluster.ts';
import { type ClusterStats, clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { EdsOptions, EndpointWatcher } from '#proxy/upstream/discovery/discover.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';

export class EndpointDiscovery implements EndpointWatcher {
  private readonly context: DiscoveryContext;
  private readonly schedule: Schedule;

  constructor(context: DiscoveryContext, schedule: Schedule = systemSchedule) {
    this.context = context;
    this.schedule = schedule;
  }

  watch(
    { source, serviceName }: EdsOptions,
    scope: Scope,
    onAssignment: (assignment: LoadAssignment | undefined) => void,
  ): { stop(): void } {
    const owner = new Endpoints(serviceName, { context: this.context, schedule: this.schedule, scope, onAssignment });
    const subscription = this.context.subscribe({ source, typeName: ASSIGNMENT, owner, scope });
    subscription.start(new Set([serviceName]));
    return {
      stop: () => {
        owner.stop();
        subscription.stop();
      },
    };
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

interface EndpointsParts {
  context: DiscoveryContext;
  schedule: Schedule;
  /** Of the cluster. */
  scope: Scope;
  onAssignment: (assignment: LoadAssignment | undefined) => void;
}

class Endpoints implements SubscriptionOwner {
  private readonly name: string;
  private readonly parts: EndpointsParts;
  private readonly stats: ClusterStats;
  /** The cluster is gone, or has another watch. */
  private stopped = false;
  private known = false;
  private readonly knownEndpoints: KnownEndpoints = new Map();
  /** Ends the wait for the members to be stale, where there is one. */
  private keep: () => void = () => {};

  constructor(name: string, parts: EndpointsParts) {
    this.name = name;
    this.parts = parts;
    this.stats = clusterStats(parts.scope);
  }

  stop(): void {
    this.stopped = true;
    this.keep();
  }

  async onUpdate({ resources, removed }: DiscoveryUpdate): Promise<void> {
    const [resource, ...others] = resources;
    if (resource === undefined) {
      // That a cluster's members are gone is for CDS to say.
      if (removed.length === 0) this.stats.updateEmpty.inc();
      return this.onFailure();
    }
    if (others.length > 0) throw new Error(`Unexpected EDS resource length: ${resources.length}`);
    if (resource.name !== this.name) {
      throw new Error(`Unexpected EDS cluster (expecting ${this.name}): ${resource.name}`);
    }
    const assignment = await loadAssignment(
      resource.any.value,
      this.parts.context.unknownFields,
      nextTurn,
      this.knownEndpoints,
    );
    if (this.stopped) return;
    this.known = true;
    this.awaitStaleness(assignment.staleAfter ?? 0);
    this.parts.onAssignment(assignment);
  }

  /** endpoint_stale_after, in milliseconds: the members are gone when none came anew by then. 0: they stay. */
  private awaitStaleness(after: number): void {
    this.keep();
    if (after === 0) return;
    this.stats.assignmentTimeoutReceived.inc();
    this.keep = this.parts.schedule(after, () => {
      this.parts.onAssignment(undefined);
      this.stats.assignmentStale.inc();
    });
  }

  /** Nobody could say: the cluster goes on with the members that it has, or with none. */
  onFailure(): void {
    if (!this.known) this.parts.onAssignment(undefined);
  }
}
