/** What the client is told, and the log says, when the upstream fails in each way that it can. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  answer,
  byPath,
  endBeforeAnswer,
  raw,
  rawAndEnd,
  rawAndReset,
  rawThenHang,
  resetBeforeAnswer,
} from '#testing/behaviours.ts';
import {
  fileAccessLog,
  type Json,
  oneCluster,
  routeTo,
  socketAddress,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import type { Behaviour } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { compare } from './compare.ts';
import { type Case, get, LOG_FILE, post, request } from './subject.ts';

const early: Behaviour = async (exchange) => {
  await exchange.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nearly');
  await exchange.whole();
};

const BEHAVIOURS: Record<string, Behaviour> = {
  '/reset': resetBeforeAnswer,
  '/end': endBeforeAnswer,
  '/half-head-reset': rawAndReset('HTTP/1.1 200 OK\r\nx-a: '),
  '/half-head-end': rawAndEnd('HTTP/1.1 200 OK\r\nx-a: '),
  '/head-reset': rawAndReset('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n'),
  '/half-body-reset': rawAndReset('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
  '/half-body-end': rawAndEnd('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'),
  '/no-last-chunk': rawAndEnd('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n'),
  '/garbage': raw('this is not HTTP\r\n\r\n'),
  '/bad-status': raw('HTTP/1.1 20x OK\r\ncontent-length: 0\r\n\r\n'),
  '/status-999': raw('HTTP/1.1 999 High\r\ncontent-length: 0\r\n\r\n'),
  '/bad-header': raw('HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 0\r\n\r\n'),
  '/bad-name': raw('HTTP/1.1 200 OK\r\nx a: 1\r\ncontent-length: 0\r\n\r\n'),
  '/bad-value': raw('HTTP/1.1 200 OK\r\nx-a: a\0b\r\ncontent-length: 0\r\n\r\n'),
  '/bad-length': raw('HTTP/1.1 200 OK\r\ncontent-length: 1x\r\n\r\na'),
  '/negative-length': raw('HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'),
  '/two-lengths': raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'),
  '/same-lengths': raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na'),
  '/length-and-chunked': raw(
    'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n',
  ),
  '/gzip-chunked': raw('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'),
  '/identity': rawAndEnd('HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nabc'),
  '/bad-chunk': raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'),
  '/more-than-length': raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabcdef'),
  '/two-answers': raw('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb'),
  '/body-with-204': raw('HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc'),
  '/chunked-204': raw('HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'),
  '/unasked-101': raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
  '/only-100': rawAndEnd('HTTP/1.1 100 Continue\r\n\r\n'),
  '/two-100': raw(
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n',
  ),
  '/until-close': rawAndEnd('HTTP/1.1 200 OK\r\n\r\nup to the end'),
  '/until-close-1.0': rawAndEnd('HTTP/1.0 200 OK\r\n\r\nup to the end'),
  '/until-reset': rawAndReset('HTTP/1.1 200 OK\r\n\r\nup to the reset'),
  '/1.0-length': raw('HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'),
  '/1.0-keep-alive': raw('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok'),
  '/close': raw('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'),
  '/proxy-close': raw('HTTP/1.1 200 OK\r\nproxy-connection: close\r\ncontent-length: 2\r\n\r\nok'),
  '/big-headers': raw(`HTTP/1.1 200 OK\r\nx-big: ${'b'.repeat(70_000)}\r\ncontent-length: 0\r\n\r\n`),
  '/bigger-headers': raw(`HTTP/1.1 200 OK\r\nx-big: ${'b'.repeat(90_000)}\r\ncontent-length: 0\r\n\r\n`),
  '/many-headers': raw(
    `HTTP/1.1 200 OK\r\n${Array.from({ length: 120 }, (_, i) => `x-${i}: 1\r\n`).join('')}content-length: 0\r\n\r\n`,
  ),
  '/early': early,
  '/empty-line-first': raw('\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'),
};

/** Envoy reads these leniently, or at another pace. What is ambiguous is refused here: see docs/security.md. */
const STRICTER: Record<string, Behaviour> = {
  '/half-chunk-end': rawAndEnd('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhe'),
  '/bad-version': raw('HTTP/3.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  '/status-99': raw('HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n'),
  '/folded': raw('HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 0\r\n\r\n'),
  '/bare-lf': raw('HTTP/1.1 200 OK\nx-a: a\ncontent-length: 0\n\n'),
  '/bad-chunk-later': raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\nxyz\r\n'),
};

/** No end of the answer comes, as a client sees it. */
const NEVER_DONE = new Set(['/status-99', '/unasked-101']);

test('each failure of the upstream is told as Envoy tells it', async (t) => {
  const cases: Case[] = Object.keys(BEHAVIOURS).map((path) => ({
    name: path,
    send: path === '/early' ? post(path, 'abc') : get(path),
    ...(NEVER_DONE.has(path) ? { connect: { patience: 300 } } : {}),
  }));
  cases.push(
    { name: 'HEAD of half a body', send: request('HEAD /half-body-end HTTP/1.1') },
    { name: 'HEAD until the close', send: request('HEAD /until-close HTTP/1.1') },
    { name: 'POST that is reset', send: post('/reset', 'x'.repeat(1000)) },
    {
      name: 'HTTP/1.1 client, answer until the close, then another',
      send: get('/until-close') + get('/fine'),
      methods: ['GET', 'GET'],
    },
    { name: 'two at once, the first fails', send: get('/reset') + get('/fine'), methods: ['GET', 'GET'] },
    { name: 'gRPC that is reset', send: post('/reset', '', 'content-type: application/grpc') },
  );
  await compare(t, {
    upstreams: { c: byPath({ ...BEHAVIOURS, '/': answer('fine') }) },
    bootstrap: ({ c }) => oneCluster(c),
    counters:
      /^cluster\.c\.(upstream_rq_(total|rx_reset|tx_reset|pending_failure_eject|\d)|upstream_cx_(protocol_error|connect_fail|http1_total|close_notify))|^cluster\.c\.http1\.|^http\.in\.downstream_rq/,
    cases,
  });
});

test('what is no HTTP/1.1 from an upstream is refused where Envoy is lenient', async (t) => {
  const refused = { responses: 'refused: 502', log: 'refused: 502' };
  const explained: Record<string, Record<string, string>> = {
    '/half-chunk-end': { rest: 'each piece is passed on as the chunk that it came in' },
    '/bad-version': refused,
    '/status-99': { ...refused, rest: 'refused: 502', end: 'refused: 502' },
    '/folded': refused,
    '/bare-lf': refused,
    '/bad-chunk-later': {
      rest: 'what came before the error was passed on',
      log: 'what came before the error was passed on',
    },
  };
  await compare(t, {
    upstreams: { c: byPath({ ...STRICTER, '/': answer('fine') }) },
    bootstrap: ({ c }) => oneCluster(c),
    cases: Object.keys(STRICTER).map((path) => ({
      name: path,
      send: get(path),
      ...(NEVER_DONE.has(path) ? { connect: { patience: 300 } } : {}),
    })),
    explained,
  });
});

test('an answer that breaks off counts for its host as in Envoy: against it for calls of gRPC, which end with their trailers', async (t) => {
  const part = 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart';
  const idle = { retry_policy: { retry_on: '5xx', per_try_idle_timeout: '0.06s' } };
  const paths = {
    '/cut': rawAndReset(part),
    '/cut-503': rawAndReset(part.replace('200', '503')),
    '/idle': rawThenHang(part),
  };
  const log = fileAccessLog(LOG_FILE, '%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%');
  const named = (name: string, send: string): Case => ({
    name,
    send: async (wire, { proxy, note }) => {
      await wire.send(send);
      await wire.closed();
      const { body } = await proxy.get('/clusters');
      note(Array.from(body.matchAll(/rq_(?:success|error|timeout)::\d+/g), String).join(' '));
    },
  });
  await compare(t, {
    upstreams: { c: byPath(paths) },
    bootstrap: ({ c }) =>
      withRoutes([routeTo('/cut', 'c'), routeTo('/idle', 'c', idle)], [staticCluster('c', [c])], { access_log: [log] }),
    counters: /^http\.in\.rq_reset_after_downstream_response_started$/,
    cases: Object.keys(paths).flatMap((path) => [
      named(path, get(path)),
      named(`${path}, gRPC`, post(path, '', 'content-type: application/grpc')),
    ]),
  });
});

const at = (address: Json): Json => ({
  load_assignment: { cluster_name: 'x', endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
});
const toPipe = (path: string): Json => at({ pipe: { path } });
const to224 = at(socketAddress(80, '224.0.0.1'));
const from = (address: string): Json => ({
  upstream_bind_config: { source_address: { address, port_value: 0 } },
});

test('what never reaches an upstream is told as Envoy tells it', async (t) => {
  // A file of any kind will do: nobody listens on it.
  const dead = join(temporaryFolder(t), 'dead');
  writeFileSync(dead, '');
  const clusters = (c: number): Json[] => [
    staticCluster('c', [c]),
    staticCluster('refused', [1]),
    staticCluster('empty', []),
    staticCluster('one refused', [1, c], { lb_policy: 'ROUND_ROBIN' }),
    staticCluster('maintenance', [c]),
    staticCluster('unbound', [c], from('192.0.2.1')),
    staticCluster('other family', [c], from('::1')),
    staticCluster('unreachable', [], to224),
    staticCluster('no socket', [], toPipe('/nowhere/socket')),
    staticCluster('dead socket', [], toPipe(dead)),
  ];
  const to = (cluster: string, action: Json = {}): Json => routeTo(`/${cluster.replaceAll(' ', '-')}`, cluster, action);
  await compare(t, {
    upstreams: { c: answer('fine') },
    bootstrap: ({ c }) => ({
      ...withRoutes(
        [
          to('refused'),
          to('empty'),
          to('one refused'),
          to('maintenance'),
          to('unbound'),
          to('other family'),
          to('unreachable'),
          to('no socket'),
          to('dead socket'),
          to('c'),
        ],
        clusters(c),
      ),
      layered_runtime: { layers: [{ name: 'static', static_layer: { 'upstream.maintenance_mode.maintenance': 100 } }] },
    }),
    counters:
      /^cluster\.(refused|empty|maintenance|unbound|no_socket)\.(upstream_(rq|cx)|membership|lb_healthy|bind_errors)|^http\.in\.(downstream_rq|rq|no_)/,
    cases: [
      { name: 'connection refused', send: get('/refused'), status: 503 },
      { name: 'connection refused, POST', send: post('/refused', 'abc'), status: 503 },
      { name: 'connection refused, HEAD', send: request('HEAD /refused HTTP/1.1'), status: 503 },
      { name: 'no endpoint', send: get('/empty'), status: 503 },
      { name: 'no endpoint, gRPC', send: post('/empty', '', 'content-type: application/grpc'), status: 200 },
      { name: 'cluster in maintenance', send: get('/maintenance'), status: 503 },
      { name: 'an address to start from that is not ours', send: get('/unbound'), status: 503 },
      { name: 'an address to start from of another family', send: get('/other-family'), status: 503 },
      { name: 'no way there', send: get('/unreachable'), status: 503 },
      { name: 'no such unix socket', send: get('/no-socket'), status: 503 },
      { name: 'a unix socket that nobody listens on', send: get('/dead-socket'), status: 503 },
      { name: 'no route', send: get('/nothing'), status: 404 },
      { name: 'no route, POST', send: post('/nothing', 'abc'), status: 404 },
      { name: 'no route, HEAD', send: request('HEAD /nothing HTTP/1.1'), status: 404 },
    ],
  });
});
