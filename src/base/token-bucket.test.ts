import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TOKEN_BUCKET_STATE_SIZE, TokenBucket } from '#base/token-bucket.ts';

const START = Date.UTC(2026, 0, 1);

function bucket(maxTokens: number, tokensPerFill: number, fillInterval: number) {
  const state = new SharedArrayBuffer(TOKEN_BUCKET_STATE_SIZE);
  return { config: { maxTokens, tokensPerFill, fillInterval, state } };
}

test('a bucket is full at first, and fills evenly', () => {
  const { config } = bucket(2, 1, 100);
  const tokens = new TokenBucket(config);
  assert.deepEqual([tokens.take(START), tokens.take(START), tokens.take(START)], [true, true, false]);
  assert.equal(tokens.take(START + 99), false);
  assert.equal(tokens.take(START + 100.01), true);
  assert.equal(tokens.take(START + 150), false);
  assert.equal(tokens.tokens(START + 10_000), 2);
});

test('two threads take from one bucket', () => {
  const { config } = bucket(2, 1, 100);
  const [one, other] = [new TokenBucket(config), new TokenBucket(config)];
  assert.deepEqual(
    [one.take(START), other.take(START), one.take(START), other.take(START)],
    [true, true, false, false],
  );
});

test('never are more tokens taken than the first fill and the time since give', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 60 }),
      (max, perFill, waits) => {
        const tokens = new TokenBucket(bucket(max, perFill, 100).config);
        let now = START;
        let taken = 0;
        for (const wait of waits) {
          now += wait;
          if (tokens.take(now)) taken++;
        }
        assert.ok(taken <= max + ((now - START) * perFill) / 100 + 0.01);
      },
    ),
  );
});
