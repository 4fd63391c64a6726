import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MersenneTwister } from '#base/mersenne-twister.ts';

test('numbers are those of std::mt19937', () => {
  const standard = new MersenneTwister(5489);
  assert.deepEqual(
    [standard.uint32(), standard.uint32(), standard.uint32()],
    [3_499_211_612, 581_869_302, 3_890_346_734],
  );
  // The C++ standard names the ten thousandth.
  const again = new MersenneTwister(5489);
  for (let i = 1; i < 10_000; i++) again.uint32();
  assert.equal(again.uint32(), 4_123_659_995);
});
