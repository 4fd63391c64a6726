import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleAsLoop, scheduleHelpers } from '#proxy/thread-scheduling.ts';
import { threadsOf } from '#testing/threads.ts';

const LINUX = process.platform === 'linux' ? {} : { skip: 'a thing of Linux' };
/** As sched.h numbers policies. */
const [SCHED_OTHER, SCHED_BATCH] = [0, 3];

test('V8’s threads become of the kind that interrupts nobody, others stay as they are', LINUX, () => {
  const policies = () => threadsOf(process.pid).map(({ name, policy }) => ({ name, policy }));
  const before = policies();
  assert.ok(before.some(({ name }) => name === 'node-V8Worker'));
  scheduleHelpers();
  const expected = before.map(({ name }) => ({ name, policy: name === 'node-V8Worker' ? SCHED_BATCH : SCHED_OTHER }));
  assert.deepEqual(policies(), expected);
});

test('a loop gets the shortest slice, where the system tells of slices', LINUX, (t) => {
  const main = () => threadsOf(process.pid)[0].slice;
  if (main() === undefined) return t.diagnostic('this kernel does not tell of slices');
  scheduleAsLoop();
  assert.equal(main(), 100_000);
});
