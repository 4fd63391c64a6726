/** How a connection ends whose time is over: idle, or after max_connection_duration, with and without requests on it. */
import { test } from 'node:test';
import { after, answer, byPath } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { compare } from './compare.ts';
import { type Case, get, type Subject } from './subject.ts';

const idle = { common_http_protocol_options: { idle_timeout: '0.3s' } };
const longest = { common_http_protocol_options: { max_connection_duration: '0.4s' } };
const DRAIN = { drain_timeout: '0.6s' };

const LISTENERS: Record<string, Json> = {
  idle: { ...idle, ...DRAIN },
  'idle, no drain': { ...idle, drain_timeout: '0s' },
  longest: { ...longest, ...DRAIN },
  'longest, no drain': { ...longest, drain_timeout: '0s' },
  'longest, safe': { ...longest, ...DRAIN, http1_safe_max_connection_duration: true },
  'longest, safe, no drain': { ...longest, drain_timeout: '0s', http1_safe_max_connection_duration: true },
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const ALL_THE_TIME = 'requests all the time';

/** What the client does, in the words of the case's name. */
const WAYS: Record<string, (wire: WireClient) => Promise<void>> = {
  'no request': async () => {},
  'a part of a head': (wire) => wire.send('GET / HT'),
  'one request': async (wire) => {
    await wire.send(get('/'));
    await wire.response();
  },
  'a request while it drains': async (wire) => {
    await wire.send(get('/1'));
    await wire.response();
    await pause(600);
    await wire.send(get('/2'));
  },
  'a request under way': (wire) => wire.send(get('/slow')),
  [ALL_THE_TIME]: async (wire) => {
    for (let i = 0; i < 12 && wire.ending === undefined; i++) {
      await wire.send(get(`/${i}`)).catch(() => {});
      await wire.response().catch(() => {});
      await pause(100);
    }
  },
};

const LAST =
  'a response that says close is the last one (RFC 9112, section 9.6): Envoy goes on until drain_timeout is over';
const explained = {
  'idle: a request while it drains': { notes: LAST },
  'longest: a request while it drains': { notes: LAST },
  'longest: requests all the time': { upstream: LAST, log: LAST, notes: LAST },
  counters: {
    'http.longest.downstream_rq_2xx': LAST,
    'http.longest.downstream_rq_completed': LAST,
    'http.longest.downstream_rq_http1_total': LAST,
    'http.longest.downstream_rq_total': LAST,
  },
};

/** Listeners whose connections are waited for side by side. */
const GROUPS = [
  ['idle', 'idle, no drain'],
  ['longest', 'longest, no drain'],
  ['longest, safe', 'longest, safe, no drain'],
];

test('a connection whose time is over ends as by Envoy', async (t) => {
  await Promise.all(GROUPS.map((group) => compare(t, subjectOf(group))));
});

function subjectOf(listeners: string[]): Subject {
  const slow = after(Promise.resolve(), async (exchange) => {
    await pause(1300);
    await answer('slow')(exchange);
  });
  return {
    upstreams: { c: byPath({ '/': answer('fine'), '/slow': slow }) },
    bootstrap: ({ c }) =>
      bootstrap(
        listeners.map((name) =>
          httpListener({ name, manager: { ...LISTENERS[name], stat_prefix: name.replaceAll(/\W/g, '_') } }),
        ),
        [staticCluster('c', [c])],
      ),
    connect: { patience: 2500 },
    explained: Object.fromEntries(
      Object.entries(explained).filter(([name]) =>
        listeners.includes(name === 'counters' ? 'longest' : name.split(':')[0]),
      ),
    ),
    counters: /^http\.(?!admin)[^.]+\.downstream_(cx|rq)_((?!length|time|bytes).)*$/,
    cases: listeners.flatMap((listener) =>
      Object.entries(WAYS).map(
        ([name, act]): Case => ({
          name: `${listener}: ${name}`,
          listener,
          probe: false,
          methods: [],
          send: async (wire, { note }) => {
            const begun = performance.now();
            await act(wire);
            const ending = await wire.closed().catch(() => 'silent');
            if (name !== ALL_THE_TIME) note(ending);
            note(
              wire.received
                .split('\r\n')
                .filter((line) => /^(HTTP|connection)/.test(line))
                .join('; '),
            );
            // In steps a little shorter than those between the times that are configured here.
            if (name !== ALL_THE_TIME) note(`after ${Math.floor((performance.now() - begun + 50) / 300) * 300} ms`);
          },
        }),
      ),
    ),
  };
}
