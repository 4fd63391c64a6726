/**
 * The name of an Istio cluster, taken apart: `outbound|9080|v1|reviews.default.svc.cluster.local`.
 */
import { compareText } from '#cli/writers/compare-text.ts';

export interface SubsetKey {
  direction: string;
  port: number;
  subset: string;
  host: string;
}

/** @returns undefined for a name of another form. */
export function parseSubsetKey(name: string): SubsetKey | undefined {
  const parts = name.split('|');
  if (parts.length < 4) return undefined;
  const port = /^\d{1,9}$/.test(parts[1]) ? Number(parts[1]) : 0;
  return { direction: parts[0], port, subset: parts[2], host: parts[3] };
}

/** By host, subset, port and direction, as istioctl sorts clusters. */
export function sortByKey<T>(items: readonly T[], nameOf: (item: T) => string): T[] {
  const keyed = items.map((item) => {
    const name = nameOf(item);
    return { item, key: parseSubsetKey(name) ?? { direction: '', port: 0, subset: '', host: name } };
  });
  keyed.sort(
    ({ key: a }, { key: b }) =>
      compareText(a.host, b.host) ||
      compareText(a.subset, b.subset) ||
      a.port - b.port ||
      compareText(a.direction, b.direction),
  );
  return keyed.map(({ item }) => item);
}
