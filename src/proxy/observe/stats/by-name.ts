/**
 * The order of stats by name, and stats from two places in it.
 */

export interface Named {
  name: string;
}

export function byName(a: Named, b: Named): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** Both are sorted by name, and so is what comes of them. An undefined goes through. */
export function* inOneOrder<T extends Named>(
  some: readonly T[],
  others: Iterable<T | undefined>,
): IterableIterator<T | undefined> {
  let at = 0;
  for (const other of others) {
    while (other !== undefined && at < some.length && some[at].name < other.name) yield some[at++];
    yield other;
  }
  for (; at < some.length; at++) yield some[at];
}
