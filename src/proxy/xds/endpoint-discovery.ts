/**
 * EDS: the members of clusters from a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#endpoint-discovery-service-eds
 */
import type { LoadAssignment } from '#config/model/cluster.ts';
import { readLoadAssignment } from '#config/read/endpoint.ts';
import type { ClusterLoadAssignment } from '#envoy/config/endpoint/v3/endpoint_pb.js';
import { clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { EdsOptions, EndpointWatcher } from '#proxy/upstream/discovery/discover.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
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
    return subscription;
  }
}

class Endpoints implements SubscriptionOwner {
  private readonly name: string;
  private readonly context: DiscoveryContext;
  private readonly onAssignment: (assignment: LoadAssignment | undefined) => void;
  private readonly updateEmpty;
  private known = false;

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

  onUpdate({ resources, removed }: DiscoveryUpdate): void {
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
    const assignment = readGiven(resource, ASSIGNMENT, this.context, (message: ClusterLoadAssignment, at) =>
      readLoadAssignment(message, at, 'ip'),
    );
    this.known = true;
    this.onAssignment(assignment);
  }

  /** Nobody could say: the cluster goes on with the members that it has, or with none. */
  onFailure(): void {
    if (!this.known) this.onAssignment(undefined);
  }
}
