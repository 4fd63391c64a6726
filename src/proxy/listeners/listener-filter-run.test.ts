import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Timer } from '#base/timers.ts';
import { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { Close, Continue, type ListenerFilter, listenerFilter, Wait } from '#proxy/listeners/listener-filter.ts';
import { type ListenerFilterOutcome, ListenerFilterRun } from '#proxy/listeners/listener-filter-run.ts';
import { internalPair } from '#proxy/transport/internal-pair.ts';
import type { OwnedSocket } from '#proxy/transport/owned-socket.ts';

interface Running {
  client: OwnedSocket;
  run: ListenerFilterRun;
  done: Promise<ListenerFilterOutcome>;
  /** Set while the filters wait, where they may not wait for ever. */
  timer(): Timer | undefined;
}

function start(t: Pick<TestContext, 'after'>, filters: ListenerFilter[], timeout = 1000, early?: Buffer): Running {
  const [client, server] = internalPair(false);
  t.after(() => {
    client.destroy();
    server.destroy();
  });
  let timer: Timer | undefined;
  let settle: (outcome: ListenerFilterOutcome) => void = () => {};
  const done = new Promise<ListenerFilterOutcome>((resolve) => {
    settle = resolve;
  });
  const caller = {
    listenerFiltersTimeout: timeout,
    armTimer(armed: Timer) {
      timer = armed;
    },
    cancelTimer() {
      timer = undefined;
    },
    onFiltered: (_run: ListenerFilterRun, outcome: ListenerFilterOutcome) => settle(outcome),
  };
  const inUse = filters.map((filter) => ({ filter, config: {}, stats: {}, prepared: {}, disabled: undefined }));
  const run = new ListenerFilterRun(server, new DownstreamConnection(), inUse, caller, early);
  run.start();
  return { client, run, done, timer: () => timer };
}

function filter(name: string, data: (run: ListenerFilterRun, bytes: Buffer) => 0 | 1 | 2): ListenerFilter {
  return listenerFilter({
    name,
    message: name,
    config: () => ({}),
    accept: () => Wait,
    data: (run, _use, bytes) => data(run, bytes),
  });
}

/** Keeps a line for itself. */
const takesLine = filter('line', (run, bytes) => {
  const end = bytes.indexOf(10);
  if (end < 0) return Wait;
  run.take(end + 1);
  return Continue;
});
/** Looks at three bytes. */
const sees: string[] = [];
const looks = filter('three', (_run, bytes) => {
  if (bytes.length < 3) return Wait;
  sees.push(bytes.latin1Slice(0, 3));
  return Continue;
});
const closes = filter('closes', () => Close);

test('what filters looked at goes on, but for what one kept, however it was cut', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 3, maxLength: 40 }), fc.array(fc.nat(60)), async (rest, cuts) => {
      const { client, run, done } = start(t, [looks, takesLine, looks]);
      const all = Buffer.concat([Buffer.from('a line\n'), rest]);
      const places = [...new Set(cuts.map((cut) => cut % all.length)), all.length].sort((a, b) => a - b);
      let from = 0;
      for (const to of places) {
        client.write(all.subarray(from, to));
        await new Promise((resolve) => setImmediate(resolve));
        from = to;
      }
      assert.equal(await done, 'ready');
      const seen = run.early ?? Buffer.alloc(0);
      assert.deepEqual(seen, Buffer.from(rest).subarray(0, seen.length));
      assert.ok(seen.length >= 3);
      assert.deepEqual(sees.splice(0), ['a l', Buffer.from(rest).latin1Slice(0, 3)]);
      client.destroy();
      run.socket.destroy();
    }),
    { numRuns: 50 },
  );
});

test('bytes that were there before are looked at first', async (t) => {
  const { run, done } = start(t, [takesLine], 1000, Buffer.from('a line\nmore'));
  assert.equal(await done, 'ready');
  assert.equal(run.early?.toString(), 'more');
});

test('a filter closes, a client leaves, time runs out', async (t) => {
  const closed = start(t, [closes]);
  closed.client.write('x');
  assert.equal(await closed.done, 'closed');
  const left = start(t, [looks]);
  left.client.end('x');
  assert.equal(await left.done, 'remote_close');
  assert.equal(left.timer(), undefined);
  const late = start(t, [looks]);
  late.timer()?.onFire();
  assert.equal(await late.done, 'timeout');
});

test('without filters that wait no time is kept, and with a timeout of 0 neither', async (t) => {
  const none = start(t, [listenerFilter({ name: 'n', message: 'n', config: () => ({}), accept: () => Continue })]);
  assert.equal(await none.done, 'ready');
  assert.equal(none.timer(), undefined);
  assert.equal(start(t, [looks], 0).timer(), undefined);
});
