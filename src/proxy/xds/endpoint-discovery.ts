/**
 * EDS: the members of clusters from a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#endpoint-discovery-service-eds
 */
import { type KnownEndpoints, loadAssignment } from '#config/load-assignment.ts';
import type { LoadAssignment } from '#config/model/cluster.ts';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { EdsOptions, EndpointWatcher } from '#proxy/upstream/discovery/discover.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';

export class EndpointDiscovery implements EndpointWatcher {
  private readonly context: DiscoveryContext;

  constructor(context: DiscoveryContext) {
    this.context = context;
  }

  watch(
    { source, serviceName }: EdsOptions,
    scope: Scope,
    onAssignment: (assignment: LoadAssignment | undefined) => void,
  ): { stop(): void } {
    const owner = new Endpoints(serviceName, this.context, scope, onAssignment);
    const subscription = this.context.subscribe({ source, typeName: ASSIGNMENT, owner, scope });
    subscription.start(new Set([serviceName]));
    return {
      stop: () => {
        owner.stopped = true;
        subscription.stop();
      },
    };
  }
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

class Endpoints implements SubscriptionOwner {
  private readonly name: string;
  private readonly context: DiscoveryContext;
  private readonly onAssignment: (assignment: LoadAssignment | undefined) => void;
  private readonly updateEmpty;
  /** The cluster is gone, or has another watch. */
  stopped = false;
  private known = false;
  private readonly knownEndpoints: KnownEndpoints = new Map();

  constructor(
    name: string,
    context: DiscoveryContext,
    scope: Scope,
    onAssignment: (assignment: LoadAssignment | undefined) => void,
  ) {
    this.name = name;
    this.context = context;
    this.onAssignment = onAssignment;
    this.updateEmpty = clusterStats(scope).updateEmpty;
  }

  async onUpdate({ resources, removed }: DiscoveryUpdate): Promise<void> {
    const [resource, ...others] = resources;
    if (resource === undefined) {
      // That a cluster's members are gone is for CDS to say.
      if (removed.length === 0) this.updateEmpty.inc();
      return this.onFailure();
    }
    if (others.length > 0) throw new Error(`Unexpected EDS resource length: ${resources.length}`);
    if (resource.name !== this.name) {
      throw new Error(`Unexpected EDS cluster (expecting ${this.name}): ${resource.name}`);
    }
    const assignment = await loadAssignment(
      resource.any.value,
      this.context.unknownFields,
      nextTurn,
      this.knownEndpoints,
    );
    if (this.stopped) return;
    this.known = true;
    this.onAssignment(assignment);
  }

  /** Nobody could say: the cluster goes on with the members that it has, or with none. */
  onFailure(): void {
    if (!this.known) this.onAssignment(undefined);
  }
}
