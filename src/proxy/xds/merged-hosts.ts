/**
 * The virtual hosts of a table, its own and those that were fetched beside them, in the order in which workers have them. One more among
 * many costs what that one costs.
 */
import type { VirtualHost } from '#config/model/route.ts';

/** A virtual host, and the one in whose place it comes. */
export interface HostChange {
  former: VirtualHost | undefined;
  host: VirtualHost;
}

/** A virtual host at its place: where another stood, or behind all. */
export interface PlacedHost {
  at: number;
  host: VirtualHost;
}

export class MergedHosts {
  list: VirtualHost[];
  private readonly places: Map<VirtualHost, number>;
  private readonly owners = new Map<string, VirtualHost>();

  constructor(list: VirtualHost[]) {
    this.list = list;
    this.places = new Map(list.map((host, i) => [host, i]));
    for (const host of list) this.own(host);
  }

  /** @returns where they stand; undefined where a domain would belong to two virtual hosts: then nothing is changed */
  put(changes: readonly HostChange[]): PlacedHost[] | undefined {
    const leaving = new Set(changes.map(({ former }) => former));
    const taken = new Set<string>();
    for (const { host } of changes) {
      for (const domain of host.domains) {
        const name = domain.toLowerCase();
        const owner = this.owners.get(name);
        if (taken.has(name) || (owner !== undefined && !leaving.has(owner))) return undefined;
        taken.add(name);
      }
    }
    for (const { former } of changes)
      for (const domain of former?.domains ?? []) this.owners.delete(domain.toLowerCase());
    this.list = [...this.list];
    return changes.map(({ former, host }) => {
      const at = (former && this.places.get(former)) ?? this.list.length;
      if (former !== undefined) this.places.delete(former);
      this.places.set(host, at);
      this.list[at] = host;
      this.own(host);
      return { at, host };
    });
  }

  private own(host: VirtualHost): void {
    for (const domain of host.domains) this.owners.set(domain.toLowerCase(), host);
  }
}
