/**
 * Runs one bootstrap and the same raw exchanges through real Envoy and through ours, each with upstreams of its own that
 * behave alike, and compares what can be seen from outside: the answers, the connection's fate, what the upstreams were
 * sent, a line of access log for each request, and counters. A difference fails its case unless the subject explains it.
 * With FAIRLEAD_SHOW=1 each case also prints what was seen of Envoy.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { attempted } from './attempted.ts';
import { type Observations, observe } from './observe.ts';
import type { Case, Observation, Subject } from './subject.ts';

/** What both showed, Envoy first. */
type Both = [envoy: Observations, ours: Observations];

/** Compares every case in a test of its own. */
export async function compare(t: TestContext, subject: Subject): Promise<void> {
  const both = await attempted(
    t,
    () => Promise.all([observe(t, subject, 'envoy'), observe(t, subject, 'fairlead')]),
    (both) => {
      for (const one of subject.cases) assertAlike(one, subject, both);
      assertCountersAlike(subject, both);
    },
  );
  for (const one of subject.cases) {
    await t.test(one.name, (t) => {
      if (process.env.FAIRLEAD_SHOW) t.diagnostic(JSON.stringify(both[0].cases.get(one.name), null, 1));
      assertAlike(one, subject, both);
    });
  }
  if (subject.counters !== undefined) await t.test('counters', () => assertCountersAlike(subject, both));
}

function assertAlike({ name, status }: Case, subject: Subject, [envoy, ours]: Both): void {
  const seen = envoy.cases.get(name) as Observation;
  if (status !== undefined) {
    const statuses = seen.responses.map((response) => Number(response.line.split(' ')[1]));
    assert.deepEqual(statuses, [status].flat(), `real Envoy answered ${JSON.stringify(seen, null, 1)}`);
  }
  const found = differences(seen, ours.cases.get(name) as Observation);
  assertExplained(found, subject.explained?.[name] ?? {}, subject);
}

function assertCountersAlike(subject: Subject, [envoy, ours]: Both): void {
  if (subject.counters === undefined) return;
  assertExplained(differences(envoy.counters, ours.counters), subject.explained?.counters ?? {}, subject);
}

/** Fails for a difference that nothing explains, and for an explanation of a difference that is no more. */
function assertExplained(found: Map<string, string>, explained: Record<string, string>, subject: Subject): void {
  const everywhere = subject.explained?.everywhere ?? {};
  const covers = (prefix: string, path: string): boolean =>
    path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`);
  const prefixes = [...Object.keys(explained), ...Object.keys(everywhere)];
  const unexplained = [...found]
    .filter(([path]) => !prefixes.some((prefix) => covers(prefix, path)))
    .map(([, text]) => text);
  assert.equal(unexplained.length, 0, `ours differs from Envoy:\n${unexplained.join('\n')}`);
  const stale = Object.keys(explained).filter((prefix) => ![...found.keys()].some((path) => covers(prefix, path)));
  assert.deepEqual(stale, [], 'explained, but no longer different');
}

/** @returns each leaf that differs, by its path, with a line that says how. */
function differences(envoy: unknown, ours: unknown, path = '', found = new Map<string, string>()): Map<string, string> {
  if (isTree(envoy) && isTree(ours)) {
    for (const key of new Set([...Object.keys(envoy), ...Object.keys(ours)])) {
      if (key === 'order' && !sameWords(envoy.order, ours.order)) continue;
      const at = Array.isArray(envoy) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      differences(envoy[key], ours[key], at, found);
    }
  } else if (envoy !== ours) {
    found.set(path, `  ${path}: Envoy ${JSON.stringify(envoy)}, ours ${JSON.stringify(ours)}`);
  }
  return found;
}

/** Headers that only one of them has are told by their names, not again by their places. */
function sameWords(one: unknown, other: unknown): boolean {
  const [words, others] = [one, other].map((order) => String(order).split(' ').sort().join(' '));
  return words === others;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
