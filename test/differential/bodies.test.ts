/** Bodies both ways: lengths, chunks, trailers, sizes, and what happens when one side goes away in the middle. */
import { test } from 'node:test';
import { answer, byPath, hang } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  staticCluster,
  withRoutes,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const chunked = (pieces: string[], trailers = '', ...headers: string[]): string =>
  request(
    'POST / HTTP/1.1',
    ['host: a', 'transfer-encoding: chunked', ...headers],
    `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n${trailers}\r\n`,
  );
const BIG = 'x'.repeat(300_000);

const upstream = byPath({
  '/': answer('fine'),
  '/chunks': answer({ chunks: ['one', 'two', 'three'] }),
  '/empty-chunks': answer({ chunks: [] }),
  '/trailers': answer({ chunks: ['one'], headers: { trailer: 'x-end' }, trailers: { 'x-end': 'yes', 'X-Other': '2' } }),
  '/big': answer(BIG),
  '/big-chunks': answer({ chunks: [BIG, BIG] }),
  '/empty': answer(''),
});

test('bodies pass as through Envoy', async (t) => {
  const listeners: Record<string, Json> = { plain: {}, trailers: { http_protocol_options: { enable_trailers: true } } };
  const cases: Case[] = [
    { name: 'chunks up', send: chunked(['abc', 'defgh']) },
    { name: 'chunks up, none', send: chunked([]) },
    {
      name: 'chunk sizes in upper case and with zeros',
      send: request('POST / HTTP/1.1', ['host: a', 'transfer-encoding: Chunked'], '00A\r\n0123456789\r\n000\r\n\r\n'),
    },
    {
      name: 'chunk extensions',
      send: request('POST / HTTP/1.1', ['host: a', 'transfer-encoding: chunked'], '3;a=b;c="d"\r\nabc\r\n0;x\r\n\r\n'),
    },
    { name: 'chunks byte by byte', send: (wire) => wire.sendInPieces(chunked(['abc', 'de'], 'x-t: 1\r\n')) },
    { name: 'trailers up', send: chunked(['abc'], 'x-t: 1\r\nX-U: 2\r\n', 'trailer: x-t') },
    {
      name: 'trailers up that are not allowed',
      send: chunked(['abc'], 'content-length: 1\r\nhost: b\r\ntransfer-encoding: chunked\r\n'),
    },
    { name: 'chunked GET', send: chunked(['abc']).replace('POST', 'GET') },
    { name: 'GET with a length', send: post('/', 'abc').replace('POST', 'GET') },
    { name: 'GET with a length of 0', send: get('/', 'content-length: 0') },
    { name: 'POST with neither', send: request('POST / HTTP/1.1') },
    { name: 'HEAD with a body', send: post('/', 'abc').replace('POST', 'HEAD') },
    { name: 'DELETE with a body', send: post('/', 'abc').replace('POST', 'DELETE') },
    { name: 'big up', send: post('/', BIG) },
    { name: 'big up in chunks', send: chunked([BIG, 'small', BIG]) },
    { name: 'chunks down', send: get('/chunks') },
    { name: 'no chunks down', send: get('/empty-chunks') },
    { name: 'trailers down', send: get('/trailers') },
    { name: 'trailers down for who takes them', send: get('/trailers', 'te: trailers') },
    { name: 'big down', send: get('/big') },
    { name: 'big down in chunks', send: get('/big-chunks') },
    { name: 'empty down', send: get('/empty') },
    { name: 'HEAD of chunks', send: request('HEAD /chunks HTTP/1.1') },
    { name: 'HEAD of nothing', send: request('HEAD /empty HTTP/1.1') },
    { name: 'HTTP/1.0-like close with chunks', send: get('/chunks', 'connection: close') },
    {
      name: 'ten with bodies at once',
      send: Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? post('/', 'abc') : chunked(['de', 'f']))).join(''),
      methods: Array.from({ length: 10 }, () => 'POST'),
    },
  ];
  const framed = cases.flatMap((one) =>
    Object.keys(listeners).map((listener) => ({ ...one, listener, name: `${listener}: ${one.name}` })),
  );
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(listeners).map(([name, manager]) => httpListener({ name, manager })),
        [
          staticCluster(
            'c',
            [c],
            httpProtocolOptions({ explicit_http_config: { http_protocol_options: { enable_trailers: true } } }),
          ),
        ],
      ),
    counters: /^cluster\.c\.upstream_(rq_total|cx_total)|^http\.in\.downstream_rq_(total|completed)/,
    cases: framed,
  });
});

test('a client that goes away is noted as by Envoy', async (t) => {
  const leave =
    (bytes: string, how: 'reset' | 'end'): Case['send'] =>
    async (wire, { upstreams: { c } }) => {
      const before = c.requests.length;
      await wire.send(bytes);
      while (c.requests.length === before) await new Promise(setImmediate);
      if (how === 'reset') wire.reset();
      else wire.end();
    };
  await compare(t, {
    upstreams: { c: byPath({ '/hang': hang, '/': answer('fine') }) },
    bootstrap: ({ c }) =>
      withRoutes([{ match: { prefix: '/' }, route: { cluster: 'c', timeout: '0.4s' } }], [staticCluster('c', [c])]),
    counters:
      /^http\.in\.downstream_(rq_rx_reset|cx_destroy|cx_protocol_error|cx_total)|^cluster\.c\.upstream_(rq_(cancelled|tx_reset|timeout)|cx_(total|destroy))/,
    cases: [
      { name: 'reset while it waits', send: leave(get('/hang'), 'reset'), probe: false },
      { name: 'end while it waits', send: leave(get('/hang'), 'end'), probe: false },
      {
        name: 'reset in its body',
        send: leave(request('POST /hang HTTP/1.1', ['host: a', 'content-length: 10'], 'half'), 'reset'),
        probe: false,
      },
      {
        name: 'end in its body',
        send: leave(request('POST /hang HTTP/1.1', ['host: a', 'content-length: 10'], 'half'), 'end'),
        probe: false,
      },
      {
        name: 'end in its head',
        probe: false,
        send: async (wire) => {
          await wire.send('GET / HTTP/1.1\r\nhost: a\r\n');
          wire.end();
        },
      },
      { name: 'nothing sent, end', probe: false, send: async (wire) => wire.end() },
    ],
  });
});
