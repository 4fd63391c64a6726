/**
 * The snapshots that a management server hands out, one for each group of nodes, and who wants to hear of changes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import { inconsistencies } from '#control/xds/consistency.ts';
import { type GivenResource, nextSnapshot, type Snapshot } from '#control/xds/snapshot.ts';

/** The part of config.core.v3.Node that decides which group a node is of. */
export interface NodeIdentity {
  id: string;
  cluster: string;
}

/** A snapshot that was refused; the last good one stays. */
export class InconsistentSnapshot extends Error {
  /** A sentence for each thing that is missing. */
  readonly missing: readonly string[];

  constructor(missing: readonly string[]) {
    super(missing.join('\n'));
    this.name = 'InconsistentSnapshot';
    this.missing = missing;
  }
}

export class SnapshotCache {
  /** The group of a node, by name; all are of one group unless said. */
  readonly groupOf: (node: NodeIdentity) => string;
  private readonly snapshots = new Map<string, Snapshot>();
  private readonly listeners = new Map<string, Set<(snapshot: Snapshot) => void>>();

  constructor(groupOf: (node: NodeIdentity) => string = () => '') {
    this.groupOf = groupOf;
  }

  /**
   * Gives a group what it is to have from now on; its nodes hear at once.
   * @throws InconsistentSnapshot where something is asked for by name and not there, Error where names are missing or twice: what the group
   * has stays.
   */
  set(group: string, resources: Iterable<GivenResource>): Snapshot {
    const previous = this.snapshots.get(group);
    const snapshot = nextSnapshot(resources, previous);
    const missing = inconsistencies(snapshot);
    if (missing.length > 0) throw new InconsistentSnapshot(missing);
    this.snapshots.set(group, snapshot);
    for (const listener of this.listeners.get(group) ?? []) listener(snapshot);
    return snapshot;
  }

  get(group: string): Snapshot | undefined {
    return this.snapshots.get(group);
  }

  /** @returns what ends it. */
  subscribe(group: string, listener: (snapshot: Snapshot) => void): () => void {
    let listeners = this.listeners.get(group);
    if (listeners === undefined) {
      listeners = new Set();
      this.listeners.set(group, listeners);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(group) === listeners) this.listeners.delete(group);
    };
  }
}
