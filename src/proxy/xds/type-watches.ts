/**
 * Who wants resources of one type over one stream: all of them, those of a namespace, or some by name. What is known of a name that somebody else wants already
 * is given at once: the server does not say it again.
 */
import { deliver } from '#proxy/xds/deliver.ts';
import type { DiscoveryUpdate, GivenResource, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

export interface Watch {
  /** Undefined: all, or all of the namespace. Of a namespace: those that are asked for by name besides. */
  names: Set<string> | undefined;
  /** What names begin with, up to their last slash. */
  readonly namespace?: string | undefined;
  readonly owner: SubscriptionOwner;
  readonly stats: SubscriptionStats;
}

/** The name that stands for every resource of the type. */
export const WILDCARD = '*';

export class TypeWatches {
  private readonly all = new Set<Watch>();
  private readonly byName = new Map<string, Set<Watch>>();
  private readonly byNamespace = new Map<string, Set<Watch>>();
  /** How many watches ask for a name. */
  private readonly asked = new Map<string, number>();
  /** What was given last of each name that is wanted. */
  private readonly known = new Map<string, GivenResource>();
  private readonly onAsked: (name: string, asked: boolean) => void;

  /** @param onAsked hears when a name, or all, is asked for, or no more by anybody */
  constructor(onAsked: (name: string, asked: boolean) => void = () => {}) {
    this.onAsked = onAsked;
  }

  get empty(): boolean {
    return this.asked.size === 0;
  }

  /** What is asked for, by name or as {@link WILDCARD}. */
  names(): string[] {
    return [...this.asked.keys()];
  }

  /** Whether somebody hears of a resource of this name. */
  wants(name: string): boolean {
    return this.all.size > 0 || this.byName.has(name) || this.byNamespace.has(namespaceOf(name));
  }

  add(watch: Watch): void {
    const { names, namespace } = watch;
    if (namespace !== undefined) this.addNamespace(watch, namespace);
    else if (names === undefined) this.all.add(watch);
    if (namespace !== undefined || names === undefined) this.ask(WILDCARD);
    this.link(watch, names ?? NOTHING);
  }

  /** Other names in addition, and some no more. */
  change(watch: Watch, added: Iterable<string>, gone: Iterable<string>): void {
    watch.names ??= new Set();
    const { names } = watch;
    this.unlink(
      watch,
      [...gone].filter((name) => names.delete(name)),
    );
    this.link(
      watch,
      [...added].filter((name) => !names.has(name) && names.add(name)),
    );
  }

  remove(watch: Watch): void {
    const { names, namespace } = watch;
    if (namespace !== undefined) this.removeNamespace(watch, namespace);
    else if (names === undefined) this.all.delete(watch);
    if (namespace !== undefined || names === undefined) this.askNoMore(WILDCARD);
    this.unlink(watch, names ?? NOTHING);
  }

  private ask(name: string): void {
    const count = this.asked.get(name) ?? 0;
    this.asked.set(name, count + 1);
    if (count === 0) this.onAsked(name, true);
  }

  private askNoMore(name: string): void {
    const count = this.asked.get(name) ?? 0;
    if (count > 1) this.asked.set(name, count - 1);
    else if (this.asked.delete(name)) this.onAsked(name, false);
  }

  private addNamespace(watch: Watch, namespace: string): void {
    const watches = this.byNamespace.get(namespace) ?? new Set();
    watches.add(watch);
    this.byNamespace.set(namespace, watches);
    this.giveKnown(
      watch,
      [...this.known.values()].filter(({ name }) => namespaceOf(name) === namespace),
    );
  }

  private removeNamespace(watch: Watch, namespace: string): void {
    const watches = this.byNamespace.get(namespace);
    if (watches === undefined || !watches.delete(watch) || watches.size > 0) return;
    this.byNamespace.delete(namespace);
    for (const name of this.known.keys()) if (namespaceOf(name) === namespace) this.known.delete(name);
  }

  private link(watch: Watch, names: Iterable<string>): void {
    const known: GivenResource[] = [];
    for (const name of names) {
      this.ask(name);
      // One of a namespace hears of it anyway.
      if (watch.namespace !== undefined) continue;
      let watches = this.byName.get(name);
      if (watches === undefined) {
        watches = new Set();
        this.byName.set(name, watches);
      }
      watches.add(watch);
      const resource = this.known.get(name);
      if (resource !== undefined) known.push(resource);
    }
    this.giveKnown(watch, known);
  }

  private giveKnown(watch: Watch, known: GivenResource[]): void {
    if (known.length === 0) return;
    const update: DiscoveryUpdate = { kind: 'changes', resources: known, removed: [], version: known[0].version };
    // Its owner may not be ready to hear before this returns.
    queueMicrotask(() => void this.give(watch, update));
  }

  private unlink(watch: Watch, names: Iterable<string>): void {
    for (const name of names) {
      this.askNoMore(name);
      const watches = this.byName.get(name);
      if (watches === undefined || !watches.delete(watch) || watches.size > 0) continue;
      this.byName.delete(name);
      this.known.delete(name);
    }
  }

  /** Gives everybody their part of an update. @returns why parts of it were refused */
  async deliver(update: DiscoveryUpdate): Promise<string | undefined> {
    const refusals = new Set<string>();
    const note = (refused: string | undefined) => {
      if (refused !== undefined) refusals.add(refused);
    };
    for (const watch of [...this.all]) note(await this.give(watch, update));
    for (const resource of update.resources) {
      const { name } = resource;
      if (this.byName.has(name) || this.byNamespace.has(namespaceOf(name))) this.known.set(name, resource);
    }
    for (const name of update.removed) this.known.delete(name);
    for (const [watch, part] of this.parts(update)) note(await this.give(watch, part));
    return refusals.size === 0 ? undefined : [...refusals].join('\n');
  }

  /** Of an update without what it wants, a watch of single names hears nothing; one of a namespace hears that there is nothing at all. */
  private parts(update: DiscoveryUpdate): Map<Watch, DiscoveryUpdate> {
    const parts = new Map<Watch, DiscoveryUpdate>();
    const partOf = (watch: Watch) => {
      let part = parts.get(watch);
      if (part === undefined) {
        part = { ...update, resources: [], removed: [], absent: [] };
        parts.set(watch, part);
      }
      return part;
    };
    const { resources, removed, absent = [] } = update;
    for (const resource of resources)
      for (const watch of this.watchesOf(resource.name)) partOf(watch).resources.push(resource);
    for (const name of removed) for (const watch of this.watchesOf(name)) partOf(watch).removed.push(name);
    for (const name of absent) for (const watch of this.watchesOf(name)) partOf(watch).absent?.push(name);
    if (resources.length + removed.length + absent.length > 0) return parts;
    for (const watches of this.byNamespace.values()) for (const watch of watches) partOf(watch);
    return parts;
  }

  private *watchesOf(name: string): Iterable<Watch> {
    yield* this.byName.get(name) ?? [];
    yield* this.byNamespace.get(namespaceOf(name)) ?? [];
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
    const named = [...this.byName.values(), ...this.byNamespace.values()];
    return new Set([...this.all, ...named.flatMap((watches) => [...watches])]);
  }
}

function namespaceOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

const NOTHING: Iterable<string> = [];
