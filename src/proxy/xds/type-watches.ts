/**
 * Who wants resources of one type over one stream: all of them, or some by name. What is known of a name that somebody else wants already
 * is given at once: the server does not say it again.
 */
import { deliver } from '#proxy/xds/deliver.ts';
import type { DiscoveryUpdate, GivenResource, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

export interface Watch {
  /** Undefined: all. */
  names: ReadonlySet<string> | undefined;
  readonly owner: SubscriptionOwner;
  readonly stats: SubscriptionStats;
}

export class TypeWatches {
  private readonly all = new Set<Watch>();
  private readonly byName = new Map<string, Set<Watch>>();
  /** What was given last of each name that is wanted. */
  private readonly known = new Map<string, GivenResource>();

  get empty(): boolean {
    return this.all.size === 0 && this.byName.size === 0;
  }

  /** Somebody wants every resource of the type. */
  get wildcard(): boolean {
    return this.all.size > 0;
  }

  /** The names that are wanted; empty where all are. */
  names(): string[] {
    return this.wildcard ? [] : [...this.byName.keys()];
  }

  add(watch: Watch): void {
    if (watch.names === undefined) this.all.add(watch);
    else this.link(watch, watch.names);
  }

  rename(watch: Watch, names: ReadonlySet<string>): void {
    const former = watch.names ?? new Set();
    watch.names = names;
    this.unlink(
      watch,
      [...former].filter((name) => !names.has(name)),
    );
    this.link(
      watch,
      [...names].filter((name) => !former.has(name)),
    );
  }

  remove(watch: Watch): void {
    if (watch.names === undefined) this.all.delete(watch);
    else this.unlink(watch, watch.names);
  }

  private link(watch: Watch, names: Iterable<string>): void {
    const known: GivenResource[] = [];
    for (const name of names) {
      let watches = this.byName.get(name);
      if (watches === undefined) {
        watches = new Set();
        this.byName.set(name, watches);
      }
      watches.add(watch);
      const resource = this.known.get(name);
      if (resource !== undefined) known.push(resource);
    }
    if (known.length === 0) return;
    const update: DiscoveryUpdate = { kind: 'changes', resources: known, removed: [], version: known[0].version };
    // Its owner may not be ready to hear before this returns.
    queueMicrotask(() => void this.give(watch, update));
  }

  private unlink(watch: Watch, names: Iterable<string>): void {
    for (const name of names) {
      const watches = this.byName.get(name);
      if (watches === undefined || !watches.delete(watch) || watches.size > 0) continue;
      this.byName.delete(name);
      this.known.delete(name);
    }
  }

  /** Gives everybody their part of an update. @returns why parts of it were refused */
  async deliver(update: DiscoveryUpdate): Promise<string | undefined> {
    const refusals: string[] = [];
    const note = (refused: string | undefined) => {
      if (refused !== undefined) refusals.push(refused);
    };
    for (const watch of [...this.all]) note(await this.give(watch, update));
    for (const resource of update.resources)
      if (this.byName.has(resource.name)) this.known.set(resource.name, resource);
    for (const name of update.removed) this.known.delete(name);
    for (const [watch, part] of this.parts(update)) note(await this.give(watch, part));
    return refusals.length === 0 ? undefined : refusals.join('\n');
  }

  /** Of an update without what it wants, a watch of single names hears nothing. */
  private parts(update: DiscoveryUpdate): Map<Watch, DiscoveryUpdate> {
    const parts = new Map<Watch, DiscoveryUpdate>();
    const partOf = (watch: Watch) => {
      let part = parts.get(watch);
      if (part === undefined) {
        part = { ...update, resources: [], removed: [] };
        parts.set(watch, part);
      }
      return part;
    };
    for (const resource of update.resources) {
      for (const watch of this.byName.get(resource.name) ?? []) partOf(watch).resources.push(resource);
    }
    for (const name of update.removed)
      for (const watch of this.byName.get(name) ?? []) partOf(watch).removed.push(name);
    return parts;
  }

  private async give(watch: Watch, update: DiscoveryUpdate): Promise<string | undefined> {
    watch.stats.attempt.inc();
    return await deliver(update, watch.owner, watch.stats);
  }

  /** A resource's time is over. */
  expire(name: string): void {
    void this.deliver({ kind: 'changes', resources: [], removed: [name], version: '' });
  }

  /** The stream is broken. */
  countBroken(): void {
    for (const { stats } of this.each()) {
      stats.failure.inc();
      stats.attempt.inc();
    }
  }

  /** A response as a whole could not be used. */
  countRefused(): void {
    for (const { stats, owner } of this.each()) {
      stats.rejected.inc();
      stats.attempt.inc();
      owner.onFailure('rejected');
    }
  }

  private each(): Set<Watch> {
    return new Set([...this.all, ...[...this.byName.values()].flatMap((watches) => [...watches])]);
  }
}
