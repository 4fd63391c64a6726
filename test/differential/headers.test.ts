/** Headers as the connection manager and the router make and remove them. */
import { test } from 'node:test';
import { oneCluster } from '#testing/bootstrap.ts';
import { answer } from '#testing/behaviours.ts';
import { compare } from './compare.ts';
import { get, post, request } from './subject.ts';

test('a plain proxy treats headers as Envoy does', async (t) => {
  await compare(t, {
    upstreams: { c: answer({ headers: { 'x-up': '1', server: 'upstream' }, body: 'hello' }) },
    bootstrap: ({ c }) => oneCluster(c),
    counters: /^(http\.in|cluster\.c|listener)\..*(_total|_[1-5]xx|_completed|rq_\d)/,
    cases: [
      { name: 'GET', send: get('/'), status: 200 },
      { name: 'POST', send: post('/', 'abc'), status: 200 },
      { name: 'HEAD', send: request('HEAD / HTTP/1.1'), status: 200 },
      { name: 'two at once', send: get('/1') + get('/2'), methods: ['GET', 'GET'], status: [200, 200] },
      { name: 'close', send: get('/', 'connection: close'), status: 200 },
      { name: 'no host', send: request('GET / HTTP/1.1', []), status: 400 },
    ],
  });
});
