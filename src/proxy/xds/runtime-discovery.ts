/**
 * RTDS: layers of the runtime from a management server.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime#runtime-discovery-service-rtds
 */
import type { RuntimeLayer } from '#config/model/snapshot.ts';
import { readRuntime } from '#config/read/layered-runtime.ts';
import type { Runtime as RuntimeMessage } from '#envoy/service/runtime/v3/rtds_pb.js';
import type { Runtime } from '#proxy/runtime.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const RUNTIME = 'envoy.service.runtime.v3.Runtime';

export type RtdsLayer = Extract<RuntimeLayer, { kind: 'rtds' }>;

export class RuntimeDiscovery implements SubscriptionOwner {
  private readonly layer: RtdsLayer;
  private readonly runtime: Runtime;
  private readonly context: DiscoveryContext;
  private readonly subscription: Subscription;
  private onReady: () => void = () => {};

  constructor(layer: RtdsLayer, runtime: Runtime, context: DiscoveryContext) {
    this.layer = layer;
    this.runtime = runtime;
    this.context = context;
    const scope = context.root.scope('runtime');
    this.subscription = context.subscribe({ source: layer.source, typeName: RUNTIME, owner: this, scope });
  }

  /** @param onReady the first values are known, or nobody could say them */
  start(onReady: () => void): void {
    this.onReady = onReady;
    this.subscription.start(new Set([this.layer.resourceName]));
  }

  onUpdate({ resources, removed }: DiscoveryUpdate): void {
    const { layer, runtime, context } = this;
    if (removed.includes(layer.resourceName)) runtime.setFetched(layer.name, undefined);
    const [resource] = resources;
    if (resource !== undefined) {
      if (resource.name !== layer.resourceName) {
        throw new Error(`Unexpected RTDS runtime (expecting ${layer.resourceName}): ${resource.name}`);
      }
      runtime.setFetched(
        layer.name,
        readGiven(resource, RUNTIME, context, (message: RuntimeMessage, at) => readRuntime(message, at)),
      );
    } else if (removed.length === 0) throw new Error('Unexpected RTDS resource length: 0');
    this.settle();
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.onReady();
    this.onReady = () => {};
  }

  stop(): void {
    this.subscription.stop();
  }
}
