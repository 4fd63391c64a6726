/**
 * Stats that somebody holds together, such as those of a cluster or a listener: they go when nobody holds them any more.
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';
import { StatScope } from '#proxy/observe/stats/stat-scope.ts';
import type { StatRow } from '#proxy/observe/stats/stat-table.ts';
import type { ThreadStats } from '#proxy/observe/stats/thread-stats.ts';

/** What a lease holds, once each. Most hold little: what they do not need is not made. */
export interface Holdings {
  /** Of single stats. */
  names: Set<string> | undefined;
  rows: StatRow[] | undefined;
}

export interface StatsLease {
  /** Stats asked for through this scope are held by the lease. */
  readonly scope: Scope;
  /** Numbers that are not listed, together under one name: for what there is a lot of, such as hosts. The hub reads them by their place. */
  block(name: string, count: number): readonly Counter[];
  release(): void;
}

export class Lease implements StatsLease, Holdings {
  names: Set<string> | undefined = undefined;
  rows: StatRow[] | undefined = undefined;
  readonly #stats: ThreadStats;
  #scope: Scope | undefined;
  #blocks: string[] | undefined;

  constructor(stats: ThreadStats) {
    this.#stats = stats;
  }

  get scope(): Scope {
    this.#scope ??= new StatScope(this.#stats, '', this);
    return this.#scope;
  }

  block(name: string, count: number): readonly Counter[] {
    this.#blocks = this.#blocks === undefined ? [name] : [...this.#blocks, name];
    return this.#stats.holdBlock(name, count);
  }

  release(): void {
    for (const name of this.names ?? []) this.#stats.letGo(name);
    for (const row of this.rows ?? []) this.#stats.releaseRow(row);
    for (const name of this.#blocks ?? []) this.#stats.releaseBlock(name);
    this.names = undefined;
    this.rows = undefined;
    this.#blocks = undefined;
  }
}

/** @param lease undefined: for as long as the thread lives */
export function holdRow(row: StatRow, lease: Holdings | undefined): void {
  if (lease === undefined) {
    row.holders = Number.POSITIVE_INFINITY;
    return;
  }
  if (lease.rows?.includes(row)) return;
  lease.rows = lease.rows === undefined ? [row] : [...lease.rows, row];
  row.holders++;
}
