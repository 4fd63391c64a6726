/** Random connection managers and route tables are taken or refused by both. Follows config.route.v3. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arbitraryManager } from '#testing/arbitrary-manager.ts';
import { bootstrap, httpListener, staticCluster } from '#testing/bootstrap.ts';
import { verdict } from './verdict.ts';

/** Each run starts an Envoy: few, and the same every time; a search takes more with FUZZ_RUNS, and others with FUZZ_SEED. */
const RUNS = Number(process.env.FUZZ_RUNS ?? 60);
const SEED = Number(process.env.FUZZ_SEED ?? 4);

test('a random connection manager is accepted or refused by both', (t) => {
  let accepted = 0;
  fc.assert(
    fc.property(arbitraryManager, (manager) => {
      const clusters = [staticCluster('a', [1]), staticCluster('b', [1])];
      const { envoy, ours } = verdict(t, bootstrap([httpListener({ manager })], clusters));
      if (envoy === '') accepted++;
      assert.equal(ours.length === 0, envoy === '', `Envoy: ${envoy || 'accepted'}; ours: ${ours.join(', ')}`);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert.ok(accepted > RUNS / 5, `only ${accepted} of ${RUNS} were good`);
});
