import assert from 'node:assert/strict';
import test from 'node:test';
import { asEvent, beginEvent, clock, endEvent, flushLater, flushSoon, resumeLater } from '#proxy/transport/io-event.ts';

function logger() {
  const log: string[] = [];
  const flushable = (name: string, also?: () => void) => ({
    flush() {
      log.push(`flush ${name}`);
      also?.();
    },
  });
  const resumable = (name: string, also?: () => void) => ({
    resume() {
      log.push(`resume ${name}`);
      also?.();
    },
  });
  return { log, flushable, resumable };
}

test('what waits goes on at the end of the outermost event, and is flushed after that', () => {
  const { log, flushable, resumable } = logger();
  asEvent(() => {
    flushLater(flushable('a'));
    asEvent(() => {
      resumeLater(resumable('b'));
      log.push('inner');
    });
    log.push('outer');
  });
  assert.deepEqual(log, ['inner', 'outer', 'resume b', 'flush a']);
});

test('what is asked for while others go on or are flushed still belongs to the event', () => {
  const { log, flushable, resumable } = logger();
  asEvent(() => {
    resumeLater(
      resumable('a', () => {
        resumeLater(resumable('b'));
        flushLater(flushable('c', () => flushLater(flushable('d'))));
      }),
    );
  });
  assert.deepEqual(log, ['resume a', 'resume b', 'flush c', 'flush d']);
});

test('nothing is done twice', () => {
  const { log, flushable } = logger();
  asEvent(() => flushLater(flushable('a')));
  asEvent(() => {});
  assert.deepEqual(log, ['flush a']);
});

test('an event ends rightly when its work throws', () => {
  const { log, flushable } = logger();
  assert.throws(() =>
    asEvent(() => {
      flushLater(flushable('a'));
      throw new Error('broken');
    }),
  );
  assert.deepEqual(log, ['flush a']);
  asEvent(() => flushLater(flushable('b')));
  assert.deepEqual(log, ['flush a', 'flush b']);
});

test('one that throws while it goes on or is flushed spoils neither this event nor the next', async () => {
  const { log, flushable, resumable } = logger();
  const broken = () => {
    throw new Error('broken');
  };
  assert.throws(() =>
    asEvent(() => {
      resumeLater(resumable('a', broken));
      resumeLater(resumable('b'));
      flushLater(flushable('c', broken));
      flushLater(flushable('d'));
    }),
  );
  assert.deepEqual(log, ['resume a']);
  assert.throws(() => asEvent(() => flushLater(flushable('e'))));
  assert.deepEqual(log, ['resume a', 'resume b', 'flush c']);
  await Promise.resolve();
  assert.deepEqual(log, ['resume a', 'resume b', 'flush c', 'flush d', 'flush e']);
});

test('outside of any event a flush comes with the end of this turn, once for all', async () => {
  const { log, flushable } = logger();
  flushLater(flushable('a'));
  flushLater(flushable('b'));
  assert.deepEqual(log, []);
  await Promise.resolve();
  assert.deepEqual(log, ['flush a', 'flush b']);
});

test('the clock moves at the beginning of an event, and stands still within it', async () => {
  await new Promise((resolve) => setImmediate(resolve));
  beginEvent();
  const { now } = { now: clock.now() };
  beginEvent();
  assert.equal(clock.now(), now);
  endEvent();
  endEvent();
  await new Promise((resolve) => setImmediate(resolve));
  asEvent(() => assert.ok(clock.now() > now));
});

const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));

test('flushes wait for the end of the turn while turns bring many, and for no more than so many', async () => {
  const { log, flushable } = logger();
  const ask = (count: number, name: string): void => {
    for (let i = 0; i < count; i++) asEvent(() => flushSoon(flushable(name)));
  };
  await endOfTurn();
  ask(1, 'alone');
  assert.equal(log.length, 1, 'one alone does not wait');
  // Some turn of these is looked at, and brought many.
  ask(200, 'first');
  assert.equal(log.length, 201);
  await endOfTurn();
  log.length = 0;
  ask(20, 'waits');
  assert.deepEqual(log, []);
  await endOfTurn();
  assert.deepEqual(log, Array(20).fill('flush waits'));
  log.length = 0;
  ask(70, 'many');
  assert.equal(log.length, 64, 'a batch is full at the end of an event');
  await endOfTurn();
  assert.equal(log.length, 70);
  log.length = 0;
  ask(2, 'few');
  assert.deepEqual(log, []);
  await endOfTurn();
  assert.equal(log.length, 2);
  ask(1, 'alone again');
  assert.equal(log.length, 3, 'after a turn with few nobody waits');
});
