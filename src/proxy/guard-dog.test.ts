import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packsOf, toucher } from '#proxy/guard-dog.ts';
import { PackWatch } from '#proxy/guard-dog-watch.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { DEFAULT_WATCHDOG } from '#testing/watchdog-samples.ts';

test('a pack is looked at as often as its shortest time, and a kill may come later by chance', () => {
  const packs = (workers: object) =>
    packsOf({ mainThread: DEFAULT_WATCHDOG, workers: { ...DEFAULT_WATCHDOG, ...workers } }, 5, () => 0.999);
  assert.deepEqual(packs({}).mainThread.threads, ['main_thread']);
  const { interval, kill, several } = packs({ kill: 50, killJitter: 100, multikillShare: 0.5 }).workers;
  assert.deepEqual([interval, kill, several], [50, 150, 3]);
  assert.equal(packs({}).workers.several, 2);
  assert.equal(packs({ kill: 3000, abortsOnMegaMiss: true }).workers.kill, 1000);
});

test('one thread that does not move is enough, or several, as configured', () => {
  const { workers } = packsOf(
    { mainThread: DEFAULT_WATCHDOG, workers: { ...DEFAULT_WATCHDOG, kill: 1000, multikill: 500 } },
    3,
  );
  const watch = new PackWatch(workers, 0);
  const [first, second, third] = [0, 1, 2].map((index) => toucher(workers.touched, index));
  const moved = (...threads: (() => void)[]) => {
    for (const touch of threads) touch();
  };
  moved(first, second, third);
  assert.equal(watch.look(400), undefined);
  moved(first, second);
  assert.equal(watch.look(901), undefined, 'one of three stands still');
  moved(first, second);
  assert.equal(watch.look(1402), 'Watchdog AbortAction terminating thread worker_2.');
  moved(first, third);
  assert.equal(watch.look(1800), undefined);
  moved(first);
  assert.equal(watch.look(1900), undefined);
  assert.equal(watch.look(2401), 'Watchdog MULTIKILL as 2 threads are stuck.');
});

test('a process whose thread hangs ends as by abort(3), and says which thread it was', (t) => {
  const script = join(temporaryFolder(t), 'hang.mjs');
  writeFileSync(
    script,
    `import { packsOf, startGuardDog } from ${JSON.stringify(new URL('guard-dog.ts', import.meta.url).href)};
    const never = ${JSON.stringify(DEFAULT_WATCHDOG)};
    const packs = packsOf({ mainThread: { ...never, kill: 100 }, workers: never }, 1);
    startGuardDog(packs, { levels: { misc: 'error' }, format: '%v', escaped: false });
    setTimeout(() => { for (;;); }, 1);`,
  );
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { signal, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env,
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  assert.equal(signal, 'SIGABRT');
  assert.match(stderr, /^Watchdog AbortAction terminating thread main_thread\.$/m);
});
