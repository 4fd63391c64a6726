/**
 * The two spellings of a field: `connect_timeout` as Envoy's API has it and `connectTimeout` as protobuf's JSON has it; both are read.
 */

/** `connect_timeout` to `connectTimeout`; a name that is camel case already stays. */
export function camelCase(name: string): string {
  return name.includes('_') ? name.replace(/_+([^_]?)/g, (_, next: string) => next.toUpperCase()) : name;
}

/** The name among `names` that was meant, if one is near enough: at most a third of its letters differ. */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.floor(Math.max(3, wrong.length) / 3) + 1;
  for (const name of names) {
    if (Math.abs(name.length - wrong.length) >= least) continue;
    const distance = editDistance(wrong.toLowerCase(), name.toLowerCase());
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** Letters to insert, remove, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.length];
}
