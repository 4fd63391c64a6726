import assert from 'node:assert/strict';
import test from 'node:test';
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import { SessionAccount } from '#proxy/transport/session-account.ts';

function stat() {
  return {
    value: 0,
    add(by: number) {
      this.value += by;
    },
  };
}

function setup(ofClients = true) {
  const stats = {
    streamsActive: stat(),
    pendingSendBytes: stat(),
    txReset: stat(),
    rxReset: stat(),
    trailers: stat(),
    outboundFramesActive: stat(),
    outboundControlFramesActive: stat(),
  };
  const session = {
    streams: new Map([[1, {}]]),
    pendingBytes: 10,
    hadData: true,
    resetsSent: 1,
    resetsReceived: 2,
    trailersReceived: 3,
    flood: { outbound: 4, outboundControl: 1 },
  };
  const account = new SessionAccount(session, stats as unknown as Http2CodecStats, ofClients);
  const values = () => Object.values(stats).map(({ value }) => value);
  return { account, session, values };
}

test('stats follow what a session counts, also downwards', () => {
  const { account, session, values } = setup();
  account.settle();
  assert.deepEqual(values(), [1, 10, 1, 2, 3, 4, 1]);
  account.settle();
  assert.deepEqual(values(), [1, 10, 1, 2, 3, 4, 1]);
  session.pendingBytes = 0;
  session.flood.outbound = 2;
  account.settle();
  assert.deepEqual(values(), [1, 0, 1, 2, 3, 2, 1]);
});

test('trailers of hosts are not counted', () => {
  const { account, values } = setup(false);
  account.settle();
  assert.deepEqual(values(), [1, 10, 1, 2, 0, 4, 1]);
});

test('a connection that is gone leaves its counters, and nothing in the gauges', () => {
  const { account, session, values } = setup();
  account.settle();
  session.resetsSent = 5;
  account.close();
  assert.deepEqual(values(), [0, 0, 5, 2, 3, 0, 0]);
  // What is flushed after that changes nothing.
  session.flood.outbound = 3;
  account.settle();
  assert.deepEqual(values(), [0, 0, 5, 2, 3, 0, 0]);
});
