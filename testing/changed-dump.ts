/**
 * Dumps that are changed anywhere: values of other kinds, hostile names, fields that nobody knows, parts that are missing.
 */
import fc from 'fast-check';

/** In place of some value: values of every kind, hostile names among them. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1.5,
    1e300,
    '',
    [],
    {},
    [null],
    [[]],
    { '@type': 'a.b/c.D' },
    { '@type': 7 },
  ),
  fc.constantFrom('\x1b[2J\x07', '\u202eevil\u2066', '\ud800', '__proto__', 'a\tb\nc\r\x85', 'outbound|x|y|z|', '||||'),
  fc.constant('x'.repeat(100_000)),
  fc.jsonValue({ maxDepth: 2 }),
);

export interface Change {
  /** Which of the places, as a share. */
  at: number;
  how: 'replace' | 'drop' | 'rename' | 'reverse';
  by: unknown;
}

export const changes = fc.array(
  fc.record<Change>({
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
    how: fc.constantFrom('replace', 'drop', 'rename', 'reverse'),
    by: anything,
  }),
  { minLength: 1, maxLength: 12 },
);

/** Every value inside, with the object or list that holds it. */
function places(root: object): [holder: Record<string, unknown>, key: string][] {
  const found: [Record<string, unknown>, string][] = [];
  const visit = (holder: Record<string, unknown>) => {
    for (const key of Object.keys(holder)) {
      found.push([holder, key]);
      const value = holder[key];
      if (typeof value === 'object' && value !== null) visit(value as Record<string, unknown>);
    }
  };
  visit(root as Record<string, unknown>);
  return found;
}

export function changed(dump: unknown, list: Change[]): unknown {
  const copy = structuredClone(dump) as object;
  for (const { at, how, by } of list) {
    const all = places(copy);
    if (all.length === 0) return copy;
    const [holder, key] = all[Math.floor(at * all.length)];
    if (how === 'replace') holder[key] = by;
    else if (how === 'reverse' && Array.isArray(holder[key])) holder[key].reverse();
    else {
      if (how === 'rename') holder[`${key}_of_tomorrow`] = holder[key];
      delete holder[key];
    }
  }
  return copy;
}
