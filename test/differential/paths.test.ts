/** Paths made normal before a route is chosen. Follows HttpConnectionManager.normalize_path and its neighbours. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import type { Case } from './subject.ts';
import { get, request } from './subject.ts';

const escaped = (action: string, normalize_path = true): Json => ({
  normalize_path,
  path_with_escaped_slashes_action: action,
});
const MANAGERS: Record<string, Json> = {
  default: {},
  normalize: { normalize_path: true },
  'not normalized': { normalize_path: false },
  merge: { merge_slashes: true },
  'normalize and merge': { normalize_path: true, merge_slashes: true },
  'keep escaped': escaped('KEEP_UNCHANGED'),
  'reject escaped': escaped('REJECT_REQUEST'),
  'redirect escaped': escaped('UNESCAPE_AND_REDIRECT'),
  'forward escaped': escaped('UNESCAPE_AND_FORWARD'),
  'reject escaped only': escaped('REJECT_REQUEST', false),
  'redirect escaped and merge': { ...escaped('UNESCAPE_AND_REDIRECT'), merge_slashes: true },
  'forward escaped only': escaped('UNESCAPE_AND_FORWARD', false),
};
const PATHS = [
  '/',
  '//',
  '/a/../b',
  '/a/./b/.',
  '/a/..',
  '/..',
  '/../../a',
  '/a/b/../../c?x=../y',
  '/a//b///c',
  '/a//../b',
  '/%2e%2e/a',
  '/a/%2E/b',
  '/a%2fb',
  '/a%2Fb%5cc',
  '/a\\b\\..\\c',
  '/%41%7e%2D',
  '/a%00b',
  '/a%zz',
  '/a%',
  '/a%2',
  '/a/b;c=d/../e',
  '/a?b//c/../d',
  '/A/B',
  '/a%20b',
  '/a;b',
  '/a%252fb',
  '/a/.../b',
  '/.a/..b',
  '/a/%2e%2e%2fb',
  '/%c3%a9',
  "/a+b:c@d!$&'()*,=",
  '/a%2f..%2fb',
  '//a%2f%2fb',
  '/%2f',
  '/%5C',
];

test('a path is made normal as by Envoy', async (t) => {
  const cases: Case[] = Object.keys(MANAGERS).flatMap((listener) =>
    PATHS.map((path) => ({ name: `${listener}: ${path}`, listener, send: get(path) })),
  );
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(MANAGERS).map(([name, manager]) => httpListener({ name, manager })),
        [staticCluster('c', [c])],
      ),
    counters: /^http\.in\.downstream_rq_(failed|redirected|rejected|[2345]xx)/,
    cases,
  });
});

test('the answer to a path that is not taken has the headers that Envoy gives it', async (t) => {
  const listeners = ['redirect escaped', 'reject escaped', 'redirect escaped and merge'];
  const cases: Case[] = listeners.flatMap((listener) =>
    ['/a%2fb', '/a%00b', '/direct%2fb', '/none%2fb', '/moved%2fb'].map((path) => ({
      name: `${listener}: ${path}`,
      listener,
      send: get(path),
    })),
  );
  cases.push({ name: 'an asterisk', listener: 'reject escaped', send: request('OPTIONS * HTTP/1.1') });
  const marked = (key: string): Json => ({ response_headers_to_add: [{ header: { key, value: '%REQ(:PATH)%' } }] });
  const routes = [
    { name: 'a', match: { prefix: '/a/' }, route: { cluster: 'c' }, ...marked('x-of-a') },
    { name: 'direct', match: { prefix: '/direct/' }, direct_response: { status: 200 }, ...marked('x-of-direct') },
    { name: 'moved', match: { prefix: '/moved/' }, redirect: { path_redirect: '/x' }, ...marked('x-of-moved') },
    { name: 'rest', match: { prefix: '/' }, route: { cluster: 'c' }, ...marked('x-of-rest') },
  ];
  await compare(t, {
    upstreams: { c: answer('hello') },
    bootstrap: ({ c }) =>
      bootstrap(
        listeners.map((name) => {
          const manager = { ...routeConfig(routes, marked('x-of-host'), marked('x-of-table')), ...MANAGERS[name] };
          return httpListener({ name, manager });
        }),
        [staticCluster('c', [c])],
      ),
    cases,
  });
});
