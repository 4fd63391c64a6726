/**
 * Where two configurations of one kind differ. Order that means nothing to Envoy is none here: of an object's fields, and of the lists that
 * KEYED and UNORDERED name.
 */
import { isObject, type JsonObject } from '#dump/dump-reader.ts';

/** One of the two is undefined where the field, or the item of a list, is only in the other. */
export interface Difference {
  /** `filter_chains["a"].filters[0].name`; items of keyed lists by their key, of others by their place. Empty: the whole. */
  path: string;
  before?: unknown;
  after?: unknown;
  /** The items are the same and stand in another order. */
  moved?: true;
}

type KeyOf = (item: JsonObject) => string;

const byName: KeyOf = ({ name }) => (typeof name === 'string' ? name : '');
const byAddress: KeyOf = ({ endpoint, endpoint_name: name }) =>
  addressKey(isObject(endpoint) ? endpoint.address : undefined) || String(name ?? '');

/** Lists in which order means nothing, and what tells their items apart. */
const KEYED: ReadonlyMap<string, KeyOf> = new Map<string, KeyOf>(
  Object.entries({
    virtual_hosts: byName,
    filter_chains: (chain) => byName(chain) || canonical(chain.filter_chain_match ?? {}),
    lb_endpoints: byAddress,
    endpoints: ({ locality, priority }) => canonical([locality ?? {}, priority ?? 0]),
    'weighted_clusters.clusters': (cluster) => byName(cluster) || String(cluster.cluster_header ?? ''),
    listeners: byName,
    clusters: byName,
  }),
);

/** Lists of plain values in which order means nothing. */
const UNORDERED = new Set([
  ...['domains', 'server_names', 'application_protocols', 'prefix_ranges', 'source_prefix_ranges', 'source_ports'],
  ...['direct_source_prefix_ranges', 'retriable_status_codes', 'response_headers_to_remove'],
  'request_headers_to_remove',
]);

/** @returns nothing where they mean the same. */
export function compareJson(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  compare(before, after, '', '', found);
  return found;
}

/** @param name of the field that holds the two, with that of the field around it. */
function compare(before: unknown, after: unknown, path: string, name: string, found: Difference[]): void {
  if (before === after) return;
  if (isObject(before) && isObject(after)) compareObjects(before, after, path, found, name);
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(before, after, path, name, found);
  else if (canonical(before) !== canonical(after)) found.push(difference(path, before, after));
}

function compareObjects(
  before: JsonObject,
  after: JsonObject,
  path: string,
  found: Difference[],
  around: string,
): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const place = /^[A-Za-z@_][\w@]*$/.test(key)
      ? `${path === '' ? '' : `${path}.`}${key}`
      : `${path}[${JSON.stringify(key)}]`;
    compare(own(before, key), own(after, key), place, `${lastOf(around)}.${key}`, found);
  }
}

function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? (object[key] ?? undefined) : undefined;
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function compareLists(before: unknown[], after: unknown[], path: string, name: string, found: Difference[]): void {
  const last = lastOf(name);
  const keyOf = KEYED.get(name) ?? KEYED.get(last);
  if (keyOf !== undefined && before.every(isObject) && after.every(isObject))
    compareKeyed(before as JsonObject[], after as JsonObject[], keyOf, path, found);
  else if (UNORDERED.has(last)) compareSets(before, after, path, found);
  else compareOrdered(before, after, path, name, found);
}

function compareKeyed(
  before: readonly JsonObject[],
  after: readonly JsonObject[],
  keyOf: KeyOf,
  path: string,
  found: Difference[],
): void {
  for (const { key, left, right } of pairs(before, after, keyOf))
    compare(left, right, `${path}[${JSON.stringify(key)}]`, '', found);
}

/** Several items may have one key: those that are equal belong together, the others as they stand. */
export function pairs<T>(
  before: readonly T[],
  after: readonly T[],
  keyOf: (item: T) => string,
): { key: string; left?: T; right?: T }[] {
  const groups = new Map<string, { left: T[]; right: T[] }>();
  const groupOf = (key: string) => {
    const group = groups.get(key) ?? { left: [], right: [] };
    groups.set(key, group);
    return group;
  };
  for (const item of before) groupOf(keyOf(item)).left.push(item);
  for (const item of after) groupOf(keyOf(item)).right.push(item);
  return [...groups].flatMap(([key, { left, right }]) => {
    if (left.length <= 1 && right.length <= 1) return [{ key, left: left[0], right: right[0] }];
    const [ones, others] = withoutEqual(left, right);
    return Array.from({ length: Math.max(ones.length, others.length) }, (_, i) => ({
      key,
      left: ones[i],
      right: others[i],
    }));
  });
}

/** What is left of two lists without the items that both have. */
function withoutEqual<T>(before: readonly T[], after: readonly T[]): [T[], T[]] {
  const counts = new Map<string, number>();
  for (const item of after) counts.set(canonical(item), (counts.get(canonical(item)) ?? 0) + 1);
  const taken = new Map<string, number>();
  const ones = before.filter((item) => {
    const text = canonical(item);
    const left = counts.get(text) ?? 0;
    if (left === 0) return true;
    counts.set(text, left - 1);
    taken.set(text, (taken.get(text) ?? 0) + 1);
    return false;
  });
  const others = after.filter((item) => {
    const text = canonical(item);
    const left = taken.get(text) ?? 0;
    if (left === 0) return true;
    taken.set(text, left - 1);
    return false;
  });
  return [ones, others];
}

function compareSets(before: readonly unknown[], after: readonly unknown[], path: string, found: Difference[]): void {
  const [ones, others] = withoutEqual(before, after);
  for (const item of ones) found.push({ path: `${path}[]`, before: item });
  for (const item of others) found.push({ path: `${path}[]`, after: item });
}

/** Equal items at the ends belong together; between them, those of one name, and those in one place. */
function compareOrdered(before: unknown[], after: unknown[], path: string, name: string, found: Difference[]): void {
  const left = before.map(canonical);
  const right = after.map(canonical);
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start++;
  let end = 0;
  const most = Math.min(left.length, right.length) - start;
  while (end < most && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const ones = before.slice(start, before.length - end);
  const others = after.slice(start, after.length - end);
  if (ones.length === 0 && others.length === 0) return;
  const [gone, come] = withoutEqual(ones, others);
  if (gone.length === 0 && come.length === 0) {
    found.push({ path, moved: true });
    return;
  }
  const place = (list: unknown[], item: unknown) => `${path}[${list.indexOf(item)}]`;
  const named = new Map(come.filter(isObject).map((item) => [byName(item), item] as const));
  const partners = new Map<unknown, unknown>();
  for (const item of gone) {
    const partner = isObject(item) && byName(item) !== '' ? named.get(byName(item)) : undefined;
    if (partner === undefined) continue;
    named.delete(byName(partner));
    partners.set(item, partner);
  }
  const rest = come.filter((item) => ![...partners.values()].includes(item));
  for (const item of gone) {
    const partner = partners.get(item) ?? rest.shift();
    if (partner === undefined) found.push({ path: place(before, item), before: item });
    else compare(item, partner, place(after, partner), name, found);
  }
  for (const item of rest) found.push({ path: place(after, item), after: item });
}

function difference(path: string, before: unknown, after: unknown): Difference {
  return { path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** One text for values that are equal but for the order of fields. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (isObject(inner) ? sorted(inner) : inner)) ?? 'undefined';
}

function sorted(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function addressKey(address: unknown): string {
  return address === undefined ? '' : canonical(address);
}
