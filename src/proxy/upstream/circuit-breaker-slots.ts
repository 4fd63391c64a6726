/**
 * Where circuit breakers count: numbers that all workers share, a few for each cluster. The main thread hands out the places.
 */

/** What is counted, in the order in which the numbers lie. */
export const RESOURCES = ['connections', 'pendingRequests', 'requests', 'retries', 'connectionPools'] as const;
export const PRIORITIES = ['DEFAULT', 'HIGH'] as const;

/** A number for the count, and one that says whether it ever counted. */
export const NUMBERS_PER_RESOURCE = 2;
const NUMBERS_PER_CLUSTER = RESOURCES.length * PRIORITIES.length * NUMBERS_PER_RESOURCE;
const CLUSTERS_PER_BUFFER = 256;

/** A cluster's numbers, from `index` on, as Int32. Posting them to a worker shares the memory. */
export interface CircuitBreakerSlots {
  buffer: SharedArrayBuffer;
  index: number;
}

/** Places by cluster name, on the main thread. */
export class CircuitBreakerTable {
  private readonly byCluster = new Map<string, CircuitBreakerSlots>();
  private readonly unused: CircuitBreakerSlots[] = [];

  /** The numbers of the cluster of this name: the same ones until they are freed, so that a changed cluster counts on. */
  slots(cluster: string): CircuitBreakerSlots {
    let slots = this.byCluster.get(cluster);
    if (slots === undefined) {
      if (this.unused.length === 0) this.grow();
      slots = this.unused.pop() as CircuitBreakerSlots;
      new Int32Array(slots.buffer).fill(0, slots.index, slots.index + NUMBERS_PER_CLUSTER);
      this.byCluster.set(cluster, slots);
    }
    return slots;
  }

  /** The cluster is gone from all workers, its connections too: another may have its place. */
  free(cluster: string): void {
    const slots = this.byCluster.get(cluster);
    if (slots === undefined) return;
    this.byCluster.delete(cluster);
    this.unused.push(slots);
  }

  private grow(): void {
    const buffer = new SharedArrayBuffer(CLUSTERS_PER_BUFFER * NUMBERS_PER_CLUSTER * Int32Array.BYTES_PER_ELEMENT);
    for (let cluster = CLUSTERS_PER_BUFFER - 1; cluster >= 0; cluster--) {
      this.unused.push({ buffer, index: cluster * NUMBERS_PER_CLUSTER });
    }
  }
}
