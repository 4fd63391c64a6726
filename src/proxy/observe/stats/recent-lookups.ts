/**
 * Which stat names were asked for by name while the proxy ran: each costs more than a stat that is held.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--stats-recentlookups
 */

/** How many names are remembered. */
const CAPACITY = 100;

export class RecentLookups {
  #enabled = false;
  #total = 0;
  readonly #counts = new Map<string, number>();

  get enabled(): boolean {
    return this.#enabled;
  }

  /** All lookups since the last clear, remembered or not. */
  get total(): number {
    return this.#total;
  }

  /** Takes note of a lookup. */
  readonly note = (name: string): void => {
    this.#total++;
    if (!this.#enabled) return;
    const count = this.#counts.get(name) ?? 0;
    this.#counts.delete(name);
    this.#counts.set(name, count + 1);
    if (this.#counts.size > CAPACITY) this.#counts.delete(this.#counts.keys().next().value as string);
  };

  enable(): void {
    this.#enabled = true;
    this.clear();
  }

  disable(): void {
    this.#enabled = false;
    this.clear();
  }

  clear(): void {
    this.#total = 0;
    this.#counts.clear();
  }

  /** Names with how often they were looked up, sorted by name. */
  list(): [name: string, count: number][] {
    return [...this.#counts].sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }
}
