import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleAsLoop, scheduleHelpers } from '#proxy/thread-scheduling.ts';
import { threadsOf } from '#testing/threads.ts';

const LINUX = process.platform === 'linux' ? {} : { skip: 'a thing of Linux' };

test('V8’s threads become nicer than the others, which stay as they are', LINUX, () => {
  const seen = () => threadsOf(process.pid).map(({ name, nice }) => ({ name, nice }));
  const before = seen();
  assert.ok(before.some(({ name }) => name === 'node-V8Worker'));
  scheduleHelpers();
  const expected = before.map(({ name, nice }) => ({ name, nice: name === 'node-V8Worker' ? nice + 8 : nice }));
  assert.deepEqual(seen(), expected);
});

test('a loop gets the shortest slice, where the system tells of slices', LINUX, (t) => {
  const main = () => threadsOf(process.pid)[0].slice;
  if (main() === undefined) return t.diagnostic('this kernel does not tell of slices');
  scheduleAsLoop();
  assert.equal(main(), 100_000);
});
