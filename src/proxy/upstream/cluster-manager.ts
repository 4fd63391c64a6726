/**
 * The clusters of one worker, by name.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { CircuitBreakerSlots } from '#proxy/upstream/circuit-breaker-slots.ts';
import { Cluster } from '#proxy/upstream/cluster.ts';
import type { EndpointSums } from '#proxy/upstream/endpoint-metrics.ts';
import type { HostSetUpdate } from '#proxy/upstream/host-set-update.ts';
import { WorkerConnectivity } from '#proxy/upstream/predictive-preconnect.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

export class ClusterManager {
  /** Of all pools here. */
  readonly connectivity = new WorkerConnectivity();
  private readonly clusters = new Map<string, Cluster>();
  private readonly localClusterName: string;
  private readonly listeners = new Set<() => void>();

  /** @param localClusterName the cluster that this proxy is one of, by whose members others are routed by zone; empty: none */
  constructor(localClusterName: string) {
    this.localClusterName = localClusterName;
  }

  /**
   * The local cluster comes first.
   * @param shared whether other workers count against the same circuit breakers
   */
  add(config: ClusterConfig, worker: WorkerContext, slots: CircuitBreakerSlots, shared: boolean): void {
    const former = this.clusters.get(config.name);
    // The new one holds the stats before the former lets go of them.
    this.clusters.set(
      config.name,
      new Cluster(config, worker, slots, shared, this.clusters.get(this.localClusterName)?.hosts),
    );
    former?.close();
    this.tell();
  }

  /** Calls back when clusters come, change or go. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }

  get size(): number {
    return this.clusters.size;
  }

  get(name: string): Cluster | undefined {
    return this.clusters.get(name);
  }

  updateHosts(update: HostSetUpdate): void {
    this.clusters.get(update.cluster)?.updateHosts(update);
  }

  /** The runtime says something else. */
  runtimeChanged(): void {
    for (const { breakers, config, worker } of this.clusters.values()) breakers.configure(config, worker.runtime);
  }

  /** What endpoints said of their load since the last time, by cluster. */
  takeEndpointMetrics(): Map<string, EndpointSums> {
    const taken = new Map<string, EndpointSums>();
    for (const [name, { endpointMetrics }] of this.clusters) {
      if (endpointMetrics !== undefined) taken.set(name, endpointMetrics.take());
    }
    return taken;
  }

  remove(name: string): void {
    this.clusters.get(name)?.close();
    this.clusters.delete(name);
    this.tell();
  }

  close(): void {
    for (const cluster of this.clusters.values()) cluster.close();
  }
}
