import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleAsLoop } from '#proxy/thread-scheduling.ts';
import { slicesOf } from '#testing/threads.ts';

const LINUX = process.platform === 'linux' ? {} : { skip: 'a thing of Linux' };

test('a loop gets the shortest slice, where the system tells of slices', LINUX, (t) => {
  const [main, ...others] = slicesOf(process.pid);
  if (main === undefined) return t.diagnostic('this kernel does not tell of slices');
  scheduleAsLoop();
  assert.deepEqual(slicesOf(process.pid), [100_000, ...others]);
});
