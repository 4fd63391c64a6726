import assert from 'node:assert/strict';
import test from 'node:test';
import { asEvent, beginEvent, clock, endEvent, flushLater, resumeLater } from '#proxy/transport/io-event.ts';

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
