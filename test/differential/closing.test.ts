/** When connections end: what is said before, how long is waited, and what a drain changes. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const LISTENERS: Record<string, Json> = {
  'half a second': { delayed_close_timeout: '0.5s' },
  'at once': { delayed_close_timeout: '0s' },
};

/** Notes whether the peer leaves the connection open after its answer. */
function lingering(bytes: string): Case['send'] {
  return async (wire, { note }) => {
    await wire.send(bytes);
    await wire.something();
    const answered = performance.now();
    await wire.closed();
    note(performance.now() - answered > 250 ? 'lingers' : 'leaves at once');
  };
}

const WAYS: Record<string, string> = {
  'connection: close': get('/', 'connection: close'),
  'bad request': request('GET / HTTP/1.1', []),
  'not HTTP': 'nonsense\r\n\r\n',
  'no route, with a body': post('/none', 'abc'),
};

test('a connection that is ended stays open for as long as by Envoy', async (t) => {
  const routes = {
    route_config: {
      name: 'r',
      virtual_hosts: [{ name: 'v', domains: ['*'], routes: [{ match: { path: '/' }, route: { cluster: 'c' } }] }],
    },
  };
  await compare(t, {
    upstreams: { c: answer('fine') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) => httpListener({ name, manager: { ...routes, ...manager } })),
        [staticCluster('c', [c])],
      ),
    counters: /^http\.in\.downstream_cx_(delayed_close_timeout|destroy|destroy_local|destroy_remote)$/,
    cases: Object.keys(LISTENERS).flatMap((listener) =>
      Object.entries(WAYS).map(([name, bytes]) => ({
        name: `${listener}: ${name}`,
        listener,
        probe: false,
        send: lingering(bytes),
      })),
    ),
  });
});
