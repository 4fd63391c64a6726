/** Requests sent before the answers to those in front of them, and connections that HTTP/1.0 keeps. RFC 9112, section 9.3. */
import { test } from 'node:test';
import { answer, byPath, raw, rawAndEnd } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const routes = routeConfig([
  routeTo('/served', 'c'),
  { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
]);
const LISTENERS: Record<string, Json> = {
  plain: routes,
  'accepts 1.0': { ...routes, http_protocol_options: { accept_http_10: true } },
  'two requests': { ...routes, common_http_protocol_options: { max_requests_per_connection: 2 } },
};

const upstream = byPath({
  '/served': answer('served'),
  '/served/chunked': answer({ chunks: ['a', 'bc'] }),
  '/served/until-close': rawAndEnd('HTTP/1.1 200 OK\r\n\r\nuntil the end'),
  '/served/old': raw('HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\nold'),
  '/served/none': raw('HTTP/1.1 204 No Content\r\n\r\n'),
  '/served/unchanged': raw('HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n'),
});

const old = (path: string, ...headers: string[]): string => request(`GET ${path} HTTP/1.0`, ['host: a', ...headers]);
const KEEP = 'connection: keep-alive';
const chunked = (path: string): string =>
  request(`POST ${path} HTTP/1.1`, ['host: a', 'transfer-encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n');

/** By listener, then by name: the requests of one connection, sent at once. */
const AT_ONCE: Record<string, Record<string, string[]>> = {
  plain: {
    'requests with bodies': [post('/served', 'abc'), chunked('/served'), post('/served', ''), get('/served')],
    'answers of our own': [get('/direct'), get('/none'), get('/served'), get('/direct')],
    'our own answers to bodies': [post('/direct', 'abc'), get('/served')],
    'our own answers to chunked bodies': [chunked('/none'), get('/served')],
    'HEAD among others': [
      request('HEAD /served HTTP/1.1', ['host: a']),
      get('/served'),
      request('HEAD /direct HTTP/1.1', ['host: a']),
      get('/served'),
    ],
    'answers of each framing': [
      get('/served/chunked'),
      get('/served/none'),
      get('/served/unchanged'),
      get('/served/until-close'),
      get('/served/old'),
      get('/served'),
    ],
    'one that closes in the middle': [get('/served'), get('/served', 'connection: close'), get('/served')],
    'an upgrade in the middle': [
      get('/served'),
      get('/served', 'connection: upgrade', 'upgrade: websocket'),
      get('/served'),
    ],
    'CONNECT in the middle': [get('/served'), request('CONNECT a:1 HTTP/1.1', ['host: a:1']), get('/served')],
    'HTTP/1.0 in the middle': [get('/served'), old('/served', KEEP), get('/served')],
    'line breaks between': [`${get('/served')}\r\n`, `${post('/served', 'abc')}\r\n\r\n`, get('/served')],
    'an expectation behind another request': [
      get('/served'),
      post('/served', 'abc', 'expect: 100-continue'),
      get('/served'),
    ],
  },
  'accepts 1.0': {
    'kept twice': [old('/served', KEEP), old('/served', KEEP)],
    'kept, then not': [old('/served', KEEP), old('/served'), old('/served')],
    'not kept': [old('/served'), old('/served')],
    'keep-alive and close': [old('/served', 'connection: keep-alive, close'), old('/served')],
    'keep-alive in upper case': [old('/served', 'connection: Keep-Alive'), old('/served', KEEP)],
    'an answer in chunks': [old('/served/chunked', KEEP), old('/served', KEEP)],
    'an answer until the end': [old('/served/until-close', KEEP), old('/served', KEEP)],
    'an answer without a body': [old('/served/none', KEEP), old('/served/unchanged', KEEP), old('/served', KEEP)],
    'our own answer': [old('/direct', KEEP), old('/none', KEEP), old('/direct')],
    HEAD: [
      request('HEAD /served HTTP/1.0', ['host: a', KEEP]),
      request('HEAD /served/chunked HTTP/1.0', ['host: a', KEEP]),
      old('/served', KEEP),
    ],
    'a body': [request('POST /served HTTP/1.0', ['host: a', KEEP, 'content-length: 3'], 'abc'), old('/served', KEEP)],
    'a body in chunks': [
      request('POST /served HTTP/1.0', ['host: a', KEEP, 'transfer-encoding: chunked'], '0\r\n\r\n'),
    ],
    'an expectation': [
      request('POST /served HTTP/1.0', ['host: a', KEEP, 'content-length: 3', 'expect: 100-continue'], 'abc'),
    ],
    'proxy-connection': [old('/served', 'proxy-connection: keep-alive'), old('/served')],
    'HTTP/1.1 behind HTTP/1.0': [old('/served', KEEP), get('/served'), old('/served')],
  },
  'two requests': { three: [get('/served'), get('/served'), get('/served')] },
};

const cases = Object.entries(AT_ONCE).flatMap(([listener, all]) =>
  Object.entries(all).map(
    ([name, requests]): Case => ({
      name: `${listener}: ${name}`,
      listener,
      send: requests.join(''),
      methods: requests.map((bytes) => bytes.split(' ', 1)[0]),
    }),
  ),
);

const FLOOD =
  'Envoy takes quick answers to requests sent at once for a flood: here a client that does not read is not read from';
const NO_BODY = 'the length of a response that has no body needs no telling: HTTP/1.0 keeps its connection';
const explained = {
  'plain: answers of our own': { responses: FLOOD, end: FLOOD, upstream: FLOOD, log: FLOOD },
  'plain: HEAD among others': { responses: FLOOD, end: FLOOD, upstream: FLOOD, log: FLOOD },
  'accepts 1.0: keep-alive and close': {
    responses: 'who says close is not kept, whatever else it says',
    upstream: 'the same',
    log: 'the same',
  },
  'accepts 1.0: an answer without a body': { responses: NO_BODY, end: NO_BODY, upstream: NO_BODY, log: NO_BODY },
  'accepts 1.0: our own answer': { responses: NO_BODY, log: NO_BODY },
  'accepts 1.0: a body in chunks': {
    responses: 'HTTP/1.0 knows no chunks: such framing is faulty (RFC 9112, section 6.1)',
    end: 'the same',
    upstream: 'the same',
    log: 'the same',
  },
  'accepts 1.0: an expectation': { responses: 'a client of HTTP/1.0 knows no 100 (RFC 9110, section 10.1.1)' },
};

test('requests behind one another are answered in turn, and connections kept, as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) =>
          httpListener({ name, manager: { ...manager, stat_prefix: name.replaceAll(/\W/g, '_') } }),
        ),
        [staticCluster('c', [c])],
      ),
    connect: { patience: 1500 },
    explained,
    cases,
  });
});
