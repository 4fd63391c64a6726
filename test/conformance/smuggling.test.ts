/** What could be read in two ways is refused and the connection closed; real Envoy's answers are on record beside ours. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SMUGGLING_CASES } from './smuggling-cases.ts';
import { runSmuggling } from './smuggling-run.ts';

test('there are at least 80 cases, of different names and bytes', () => {
  assert.ok(SMUGGLING_CASES.length >= 80, `${SMUGGLING_CASES.length}`);
  assert.equal(new Set(SMUGGLING_CASES.map(({ name }) => name)).size, SMUGGLING_CASES.length);
  assert.equal(new Set(SMUGGLING_CASES.map(({ bytes }) => bytes)).size, SMUGGLING_CASES.length);
});

test('ours refuses what is ambiguous and serves what is not', async (t) => {
  const outcomes = await runSmuggling(t, 'fairlead', SMUGGLING_CASES);
  for (const [i, { name, answers, upstream }] of SMUGGLING_CASES.entries()) {
    await t.test(name, () => assert.deepEqual(outcomes[i], { answers, upstream }));
  }
});

test('each difference from real Envoy is on record, with its reason', async (t) => {
  const outcomes = await runSmuggling(t, 'envoy', SMUGGLING_CASES);
  for (const [i, { name, answers, upstream, envoy }] of SMUGGLING_CASES.entries()) {
    await t.test(name, () => {
      assert.deepEqual(outcomes[i], { answers: envoy?.answers ?? answers, upstream: envoy?.upstream ?? upstream });
      assert.ok(envoy === undefined || envoy.why.length > 10);
    });
  }
});
