/**
 * Observations of two programs whose timers run in real time. On a busy machine those slip: what differs is looked at again from the
 * start, and a difference that is one shows every time.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ProxyKind } from '#testing/proxy-command.ts';

const ATTEMPTS = 3;

/**
 * @param check throws where what was seen is not as it is to be
 * @returns what was seen the last time
 */
export async function attempted<T>(t: TestContext, look: () => Promise<T>, check: (seen: T) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const seen = await look();
    if (attempt === ATTEMPTS) return seen;
    try {
      check(seen);
      return seen;
    } catch (error) {
      t.diagnostic(`attempt ${attempt} differs: ${(error as Error).message}`);
    }
  }
}

/** What real Envoy and ours showed, which is the same unless it differs every time. */
export function both<T>(t: TestContext, look: (kind: ProxyKind) => Promise<T>): Promise<[envoy: T, ours: T]> {
  return attempted<[T, T]>(
    t,
    () => Promise.all([look('envoy'), look('fairlead')]),
    ([envoy, ours]) => assert.deepEqual(ours, envoy),
  );
}
