/**
 * Resources over gRPC: one stream, the protocol on it, and the subscriptions that share it.
 * Follows config.core.v3.ApiConfigSource of the types GRPC and DELTA_GRPC, and AggregatedDiscoveryService.
 */
import type { Schedule } from '#base/timers.ts';
import type { ApiConfigSource, ConfigSource } from '#config/model/config-source.ts';
import type { Node } from '#envoy/config/core/v3/base_pb.js';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { type ControlPlaneStats, controlPlaneStats } from '#proxy/xds/control-plane-stats.ts';
import { ControlPlaneStream, type ControlPlaneStreamParts } from '#proxy/xds/control-plane-stream.ts';
import { Delta } from '#proxy/xds/delta.ts';
import { grpcMethod } from '#proxy/xds/discovery-services.ts';
import { FetchTimer } from '#proxy/xds/fetch-timer.ts';
import type { DiscoveryProtocol } from '#proxy/xds/protocol-parts.ts';
import { StateOfTheWorld } from '#proxy/xds/state-of-the-world.ts';
import type { Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';
import type { Watch } from '#proxy/xds/type-watches.ts';

export interface GrpcChannelParts extends Pick<ControlPlaneStreamParts, 'cluster' | 'random' | 'schedule' | 'clock'> {
  node(): Node;
}

export class GrpcChannel {
  private readonly protocol: DiscoveryProtocol;
  private readonly stream: ControlPlaneStream;
  private readonly schedule: Schedule;
  private started = false;

  /**
   * @param typeName undefined: resources of all types
   * @param scope where the channel counts
   */
  constructor(source: ApiConfigSource, typeName: string | undefined, scope: Scope, parts: GrpcChannelParts) {
    const delta = source.apiType === 'DELTA_GRPC';
    const stats: ControlPlaneStats = controlPlaneStats(scope);
    this.schedule = parts.schedule;
    const protocolParts = {
      node: parts.node,
      nodeOnFirstMessageOnly: source.setNodeOnFirstMessageOnly,
      stats,
      schedule: parts.schedule,
      wake: () => this.stream.wake(),
    };
    this.protocol = delta ? new Delta(protocolParts) : new StateOfTheWorld(protocolParts);
    const method = grpcMethod(typeName, delta ? 'delta' : 'sotw');
    this.stream = new ControlPlaneStream({ ...parts, source, method, stats }, this.protocol);
  }

  /** The stream opens with the first subscription, or when this is called. */
  start(): void {
    if (this.started) return;
    this.started = true;
    this.stream.start();
  }

  stop(): void {
    this.stream.stop();
  }

  /** @param alone the channel lives as long as the subscription */
  subscription(request: {
    typeName: string;
    source: ConfigSource;
    owner: SubscriptionOwner;
    stats: SubscriptionStats;
    namespace: string | undefined;
    alone: boolean;
  }): Subscription {
    const { typeName, source, owner, stats, namespace, alone } = request;
    let watch: Watch | undefined;
    let timer: FetchTimer | undefined;
    return {
      start: (names) => {
        timer = new FetchTimer(owner, source, stats, this.schedule);
        stats.attempt.inc();
        watch = { names: names && new Set(names), namespace, owner: timer, stats };
        this.protocol.watch(typeName, watch);
        this.start();
      },
      change: (added, gone) => {
        if (watch === undefined) return;
        stats.attempt.inc();
        this.protocol.change(typeName, watch, added, gone);
      },
      stop: () => {
        timer?.settle();
        if (watch !== undefined) this.protocol.unwatch(typeName, watch);
        watch = undefined;
        if (alone) this.stop();
      },
    };
  }
}
