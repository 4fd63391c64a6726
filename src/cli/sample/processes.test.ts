import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines, Processes } from '#cli/sample/processes.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** Waits until the process has written a line: then its handlers are set. */
async function line(logPath: string): Promise<string> {
  while (readFileSync(logPath, 'utf8') === '') await sleep(5);
  return readFileSync(logPath, 'utf8').trim();
}

function gone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test('stop ends every process that was started, and only then resolves', async (t) => {
  const processes = new Processes(folder(t));
  const script = 'console.log(process.pid); setInterval(() => {}, 1000)';
  const logs = ['one', 'two'].map((label) => processes.start(label, process.execPath, ['-e', script]));
  const pids = (await Promise.all(logs.map(line))).map(Number);
  await processes.stop();
  assert.deepEqual(pids.map(gone), [true, true]);
});

test('a process that does not listen can be killed while stop waits', async (t) => {
  const processes = new Processes(folder(t));
  const script = "process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1000)";
  const pid = Number(await line(processes.start('deaf', process.execPath, ['-e', script])));
  const stopped = processes.stop();
  processes.kill();
  await stopped;
  assert.ok(gone(pid));
});

test('a process that ends by itself is told of, with what it said', async (t) => {
  const processes = new Processes(folder(t));
  processes.start('front proxy', process.execPath, ['-e', 'console.error("a\\nb\\nno such file"); process.exit(3)']);
  const { label, how, logPath } = await processes.ended;
  assert.deepEqual([label, how, lastLines(logPath, 2)], ['front proxy', 'exit status 3', 'b\nno such file']);
});

test('a program that does not exist is told of', async (t) => {
  const processes = new Processes(folder(t));
  processes.start('proxy', join(folder(t), 'nothing-here'), []);
  assert.match((await processes.ended).how, /ENOENT/);
});
