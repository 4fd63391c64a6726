import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Timers } from '#base/timers.ts';
import { LogFile } from '#proxy/observe/access-log/log-file.ts';
import { filesystemStats } from '#proxy/observe/stats/manager-stats.ts';
import { eventually } from '#testing/eventually.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const INTERVAL = 10_000;
const SETTINGS = { flushInterval: INTERVAL, flushBytes: 65_536, writers: 1 };

function setUp(t: TestContext, path = join(temporaryFolder(t), 'access.log'), mostWaiting?: number) {
  const clock = new FakeClock();
  const scope = new PlainScope();
  const timers = new Timers(clock, clock.schedule);
  const file = new LogFile(path, { timers, stats: filesystemStats(scope), settings: SETTINGS, mostWaiting });
  const stat = (name: string) => scope.value(`filesystem.${name}`);
  const contents = () => readFileSync(path, 'latin1');
  return { file, clock, path, stat, contents };
}

test('the first line is written at once, later ones when the flush interval has passed', async (t) => {
  const { file, clock, stat, contents } = setUp(t);
  file.write('one\n');
  await eventually('the first line', () => stat('write_completed') === 1);
  assert.equal(contents(), 'one\n');
  file.write('two\n');
  file.write('three\n');
  assert.equal(stat('write_total_buffered'), 10);
  clock.advance(INTERVAL - 1);
  assert.equal(stat('flushed_by_timer'), 0);
  clock.advance(1);
  await eventually('the rest', () => stat('write_completed') === 2);
  assert.equal(contents(), 'one\ntwo\nthree\n');
  assert.deepEqual(
    [stat('write_buffered'), stat('write_completed'), stat('flushed_by_timer'), stat('write_total_buffered')],
    [3, 2, 1, 0],
  );
});

test('more than 64 KiB are written without waiting for the interval', async (t) => {
  const { file, contents, stat } = setUp(t);
  const line = `${'x'.repeat(999)}\n`;
  for (let i = 0; i < 100; i++) file.write(line);
  await eventually('the lines', () => contents().length > 65_536);
  assert.equal(stat('flushed_by_timer'), 0);
});

test('a flush writes everything, in order, however many lines come meanwhile', async (t) => {
  const { file, contents } = setUp(t);
  let expected = '';
  for (let i = 0; i < 20_000; i++) {
    const line = `${i} ${'y'.repeat(i % 50)}\n`;
    expected += line;
    file.write(line);
    if (i === 10_000) void file.flush();
  }
  await file.flush();
  assert.equal(contents(), expected);
});

test('a flush of nothing ends at once', async (t) => {
  await setUp(t).file.flush();
});

test('a line longer than all buffers is written whole', async (t) => {
  const { file, contents } = setUp(t);
  const line = `${'z'.repeat(300_000)}\n`;
  file.write(line);
  file.write(line);
  await file.flush();
  assert.equal(contents(), line + line);
});

test('bytes are written as they came', async (t) => {
  const { file, path } = setUp(t);
  file.write('\x00\x7f\x80\xff\n');
  await file.flush();
  assert.deepEqual([...readFileSync(path)], [0, 0x7f, 0x80, 0xff, 10]);
});

test('lines are added to a file that is there, and a new one is made for its owner to write and all to read', async (t) => {
  const { file, path, contents } = setUp(t);
  file.write('one\n');
  await file.flush();
  assert.equal(statSync(path).mode & 0o777, 0o644 & ~process.umask());
  const again = setUp(t, path).file;
  again.write('two\n');
  await again.flush();
  assert.equal(contents(), 'one\ntwo\n');
});

test('a file that was moved away is made again when asked, and gets the lines that wait', async (t) => {
  const { file, path, contents, stat } = setUp(t);
  file.write('one\n');
  await file.flush();
  file.write('two\n');
  renameSync(path, `${path}.1`);
  file.reopen();
  await file.flush();
  assert.equal(readFileSync(`${path}.1`, 'latin1'), 'one\n');
  assert.equal(contents(), 'two\n');
  assert.equal(stat('reopen_failed'), 0);
});

test('while the path cannot be opened again, lines go to the old file', async (t) => {
  const folder = join(temporaryFolder(t), 'logs');
  execFileSync('mkdir', [folder]);
  const { file, path, contents, stat } = setUp(t, join(folder, 'access.log'));
  file.write('one\n');
  await file.flush();
  const old = openSync(path, 'r');
  t.after(() => closeSync(old));
  rmSync(folder, { recursive: true });
  file.reopen();
  assert.equal(stat('reopen_failed'), 1);
  file.write('two\n');
  await file.flush();
  const bytes = Buffer.alloc(100);
  assert.equal(bytes.latin1Slice(0, readSync(old, bytes)), 'one\ntwo\n');
  execFileSync('mkdir', [folder]);
  file.write('three\n');
  await file.flush();
  assert.ok(existsSync(path));
  assert.equal(contents(), 'three\n');
});

test('a full disk costs lines, which are counted, and nothing else', { skip: !existsSync('/dev/full') }, async (t) => {
  const { file, stat } = setUp(t, '/dev/full');
  for (let i = 0; i < 5; i++) {
    file.write('lost\n');
    await file.flush();
  }
  assert.deepEqual([stat('write_failed'), stat('write_completed'), stat('write_total_buffered')], [5, 0, 0]);
});

test('a reader that never reads bounds the memory: what is too much is dropped and counted', async (t) => {
  const path = join(temporaryFolder(t), 'fifo');
  execFileSync('mkfifo', [path]);
  // Opened both ways, so that opening it does not wait for somebody at the other end.
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  t.after(() => closeSync(reader));
  const { file, clock, stat } = setUp(t, path, 300_000);
  const line = `${'s'.repeat(999)}\n`;
  for (let i = 0; i < 1_000; i++) file.write(line);
  const accepted = (stat('write_buffered') as number) * line.length;
  assert.equal(accepted + (stat('write_failed') as number) * line.length, 1_000_000);
  assert.ok(accepted > 300_000 && accepted <= 400_000, `${accepted} bytes are kept`);

  const bytes = Buffer.alloc(1 << 16);
  let text = '';
  void file.flush();
  await eventually('everything is read', () => {
    try {
      for (;;) text += bytes.latin1Slice(0, readSync(reader, bytes));
    } catch {
      // Nothing there at the moment.
    }
    clock.advance(2);
    return text.length === accepted;
  });
  assert.equal(text, line.repeat(accepted / line.length));
  await eventually('nothing waits', () => stat('write_total_buffered') === 0);
});

for (const [name, path, words] of [
  ['a folder that is not there', '/nowhere/access.log', 'No such file or directory'],
  ['a folder', '/tmp', 'Is a directory'],
  ['a path below a file', '/dev/null/access.log', 'Not a directory'],
] as const) {
  test(`${name} cannot be opened, in Envoy's words`, (t) => {
    assert.throws(() => setUp(t, path), { message: `unable to open file '${path}': ${words}` });
  });
}
