import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typed } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';
import { DEFAULT_WATCHDOG } from '#testing/watchdog-samples.ts';

const abort = (event: string) => ({
  config: { name: 'a', typed_config: { '@type': 'type.googleapis.com/envoy.watchdog.v3.AbortActionConfig' } },
  event,
});

test('each kind of thread has its own times', () => {
  const worker_watchdog = {
    kill_timeout: '2s',
    max_kill_timeout_jitter: '0.5s',
    multikill_timeout: '3s',
    multikill_threshold: { value: 25 },
    actions: [abort('KILL'), abort('MISS')],
  };
  const main_thread_watchdog = { miss_timeout: '0.1s', megamiss_timeout: '5s', max_kill_timeout_jitter: '1s' };
  assert.deepEqual(load({ watchdogs: { main_thread_watchdog, worker_watchdog } }).snapshot.watchdogs, {
    mainThread: { ...DEFAULT_WATCHDOG, miss: 100, megaMiss: 5000 },
    workers: {
      ...DEFAULT_WATCHDOG,
      kill: 2000,
      killJitter: 500,
      multikill: 3000,
      multikillShare: 0.25,
      abortsOnMiss: true,
    },
  });
  assert.deepEqual(load({}).snapshot.watchdogs, { mainThread: DEFAULT_WATCHDOG, workers: DEFAULT_WATCHDOG });
});

test('the old field holds for every thread, and not beside the new one', () => {
  const watchdog = { miss_timeout: '0.3s' };
  const times = { ...DEFAULT_WATCHDOG, miss: 300 };
  assert.deepEqual(load({ watchdog }).snapshot.watchdogs, { mainThread: times, workers: times });
  assert.deepEqual(errorsOf({ watchdog, watchdogs: {} }), [
    'watchdogs: Only one of watchdog or watchdogs should be set!',
  ]);
});

test('an action that does not run here is refused at its place', () => {
  const profile = typed('extensions.watchdog.profile_action.v3.ProfileActionConfig', { profile_path: '/tmp' });
  const actions = [{ config: { name: 'p', typed_config: profile }, event: 'MISS' }, { event: 'KILL' }];
  const at = 'watchdogs.worker_watchdog.actions';
  assert.deepEqual(errorsOf({ watchdogs: { worker_watchdog: { actions } } }), [
    `${at}[0].config.typed_config: watchdog action 'p' (envoy.extensions.watchdog.profile_action.v3.ProfileActionConfig) is not supported by Fairlead yet`,
    `${at}[1].config.typed_config: Didn't find a registered implementation for '' with type URL: ''`,
  ]);
});
