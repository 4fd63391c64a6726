import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HeaderMatcher } from '#config/model/matchers.ts';
import { compileHeader, compileSingleHeader } from '#selection/match-header.ts';
import type { HeaderView } from '#selection/request-view.ts';

type Match = HeaderMatcher['match'];

const PRESENT: Match = { kind: 'present', present: true };
const ABSENT: Match = { kind: 'present', present: false };
const DIGIT: Match = { kind: 'range', start: 0, end: 10 };
const exact = (value: string): Match => ({ kind: 'string', matcher: { kind: 'exact', value, ignoreCase: false } });

function headerView(fields: readonly [string, string][]): HeaderView {
  const all = (name: string) => fields.filter(([other]) => other === name).map(([, value]) => value);
  return {
    get: (name) => all(name)[0],
    joined: (name) => (all(name).length === 0 ? undefined : all(name).join(',')),
    has: (name) => all(name).length > 0,
    some: (name, passes) => all(name).some(passes),
  };
}

/** Whether these values of one name pass, by themselves and where the matcher is inverted. */
function outcomes(match: Match, values: string[], treatMissingAsEmpty = false): [boolean, boolean] {
  const headers = headerView([['x-other', 'jason'], ...values.map((value): [string, string] => ['x-user', value])]);
  const [plain, inverted] = [false, true].map((invert) => {
    const matcher = { name: 'x-user', match, invert, treatMissingAsEmpty };
    const passed = compileHeader(matcher)(headers);
    if (values.length < 2) assert.equal(compileSingleHeader(matcher)(values[0]), passed);
    return passed;
  });
  return [plain, inverted];
}

// What real Envoy 1.40 does, for routes and access logs alike.
test('of several fields with one name any may pass; inverted, none may', () => {
  assert.deepEqual(outcomes(exact('jason'), ['jason', 'jo']), [true, false]);
  assert.deepEqual(outcomes(exact('jo'), ['jason', 'jo']), [true, false]);
  assert.deepEqual(outcomes(exact('ja'), ['jason', 'jo']), [false, true]);
  assert.deepEqual(outcomes(exact('jason,jo'), ['jason', 'jo']), [false, true]);
  assert.deepEqual(outcomes(DIGIT, ['50', '5']), [true, false]);
});

test('one field is one value, commas and all', () => {
  assert.deepEqual(outcomes(exact('jason,jo'), ['jason,jo']), [true, false]);
  assert.deepEqual(outcomes(exact('jason'), ['jason,jo']), [false, true]);
  assert.deepEqual(outcomes(DIGIT, ['5,50']), [false, true]);
});

test('a missing header passes neither way, unless it counts as empty', () => {
  assert.deepEqual(outcomes(exact(''), []), [false, false]);
  assert.deepEqual(outcomes(exact(''), [], true), [true, false]);
  assert.deepEqual(outcomes(exact('jason'), [], true), [false, true]);
});

test('presence is that of a field, empty or not', () => {
  assert.deepEqual(
    [outcomes(PRESENT, ['']), outcomes(PRESENT, [])],
    [
      [true, false],
      [false, true],
    ],
  );
  assert.deepEqual(
    [outcomes(ABSENT, ['']), outcomes(ABSENT, [])],
    [
      [false, true],
      [true, false],
    ],
  );
  assert.deepEqual(outcomes(PRESENT, [], true), [true, false]);
  assert.deepEqual(outcomes(ABSENT, [], true), [false, true]);
});
