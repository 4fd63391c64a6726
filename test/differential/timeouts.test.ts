/** What becomes of requests and connections that take too long. Follows https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts. */
import { test } from 'node:test';
import { answer, byPath, hang, rawThenHang } from '#testing/behaviours.ts';
import {
  bootstrap,
  httpListener,
  httpProtocolOptions,
  type Json,
  routeConfig,
  staticCluster,
} from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, post, request } from './subject.ts';

const SHORT = '0.08s';
const route = (prefix: string, action: Json, cluster = 'c'): Json => ({
  match: { prefix },
  route: { cluster, ...action },
});

const ROUTES = [
  route('/timeout', { timeout: SHORT }),
  route('/idle', { idle_timeout: SHORT, timeout: '0s' }),
  route('/no-timeout', { timeout: '0s' }),
  route('/max-stream', { max_stream_duration: { max_stream_duration: SHORT } }),
  route('/short-cluster', {}, 'short'),
  route('/', {}),
];

const LISTENERS: Record<string, Json> = {
  plain: {},
  'stream idle': { stream_idle_timeout: SHORT },
  request: { request_timeout: SHORT },
  'request headers': { request_headers_timeout: SHORT },
  idle: { common_http_protocol_options: { idle_timeout: SHORT }, drain_timeout: '0.05s' },
  'max duration': { common_http_protocol_options: { max_connection_duration: '0.15s' }, drain_timeout: '0.05s' },
  'max stream': { common_http_protocol_options: { max_stream_duration: SHORT } },
  'max requests': { common_http_protocol_options: { max_requests_per_connection: 2 } },
  'max requests, route timeout none': { common_http_protocol_options: { max_requests_per_connection: 1 } },
};

const half = rawThenHang('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
const upstream = byPath({
  '/': answer('fine'),
  '/timeout/hang': hang,
  '/timeout/half': half,
  '/idle/hang': hang,
  '/idle/half': half,
  '/hang': hang,
  '/half': half,
  '/max-stream/hang': hang,
  '/max-stream/half': half,
  '/short-cluster/hang': hang,
  '/no-timeout': answer('fine'),
});

const halfHead = 'GET / HTTP/1.1\r\nhost: a\r\nx-';
const halfBody = request('POST /fine HTTP/1.1', ['host: a', 'content-length: 10'], 'half');

const cases: Case[] = [
  { name: 'route timeout', send: get('/timeout/hang'), status: 504 },
  { name: 'route timeout after half an answer', send: get('/timeout/half') },
  {
    name: "route timeout waits for the request's end",
    send: async (wire) => {
      await wire.send(request('POST /timeout/fine HTTP/1.1', ['host: a', 'content-length: 10'], 'half'));
      await new Promise((resolve) => setTimeout(resolve, 150));
      await wire.send('-half2');
    },
    status: 200,
  },
  { name: 'route timeout, gRPC', send: post('/timeout/hang', '', 'content-type: application/grpc'), status: 200 },
  { name: 'route idle timeout', send: get('/idle/hang') },
  { name: 'route idle timeout after half an answer', send: get('/idle/half') },
  {
    name: 'route idle timeout of the request',
    send: request('POST /idle/fine HTTP/1.1', ['host: a', 'content-length: 10'], 'half'),
  },
  { name: 'route max stream duration', send: get('/max-stream/hang') },
  { name: 'route max stream duration after half an answer', send: get('/max-stream/half') },
  { name: 'timeouts off, fine', send: get('/no-timeout'), status: 200 },
  { name: 'stream idle timeout', listener: 'stream idle', send: get('/hang') },
  { name: 'stream idle timeout after half an answer', listener: 'stream idle', send: get('/half') },
  { name: 'stream idle timeout of the request', listener: 'stream idle', send: halfBody },
  { name: 'stream idle timeout of the head', listener: 'stream idle', send: halfHead, connect: { patience: 400 } },
  { name: 'request timeout', listener: 'request', send: halfBody },
  { name: 'request timeout of the head', listener: 'request', send: halfHead },
  {
    name: 'request timeout ends with the request',
    listener: 'request',
    send: get('/hang'),
    connect: { patience: 400 },
  },
  { name: 'request headers timeout', listener: 'request headers', send: halfHead },
  {
    name: 'request headers timeout ends with the head',
    listener: 'request headers',
    send: halfBody,
    connect: { patience: 400 },
  },
  { name: 'nothing at all, idle', listener: 'idle', send: '' },
  {
    name: 'idle after a request',
    listener: 'idle',
    probe: false,
    send: async (wire) => {
      await wire.send(get('/'));
      await wire.closed();
    },
    status: 200,
  },
  { name: 'idle timer stops while a request runs', listener: 'idle', send: get('/hang'), connect: { patience: 400 } },
  { name: 'max connection duration, idle', listener: 'max duration', send: '' },
  {
    name: 'max connection duration, then a request',
    listener: 'max duration',
    probe: false,
    send: async (wire) => {
      await wire.send(get('/'));
      await wire.closed();
    },
    status: 200,
  },
  { name: 'max stream duration', listener: 'max stream', send: get('/hang') },
  { name: 'max stream duration after half an answer', listener: 'max stream', send: get('/half') },
  {
    name: 'max requests per connection',
    listener: 'max requests',
    send: get('/1') + get('/2') + get('/3'),
    methods: ['GET', 'GET'],
  },
  {
    name: 'max requests per connection, one after the other',
    listener: 'max requests',
    send: async (wire) => {
      await wire.send(get('/1'));
      await wire.something();
      await wire.send(get('/2'));
    },
    methods: ['GET', 'GET'],
  },
  { name: 'one request per connection', listener: 'max requests, route timeout none', send: get('/') },
  {
    name: 'upstream connection idle timeout',
    send: async (wire) => {
      await wire.send(get('/short-cluster/1'));
      await wire.something();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await wire.send(get('/short-cluster/2'));
    },
    methods: ['GET', 'GET'],
  },
  { name: 'upstream max stream duration', send: get('/short-cluster/hang') },
];

test('what takes too long is ended when and how Envoy ends it', async (t) => {
  for (const one of cases) one.listener ??= 'plain';
  await compare(t, {
    upstreams: { c: upstream },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) =>
          httpListener({
            name,
            manager: { stat_prefix: name.replaceAll(' ', '_'), ...routeConfig(ROUTES), ...manager },
          }),
        ),
        [
          staticCluster('c', [c]),
          staticCluster(
            'short',
            [c],
            httpProtocolOptions({ common_http_protocol_options: { idle_timeout: SHORT, max_stream_duration: '0.3s' } }),
          ),
        ],
      ),
    counters:
      /^http\.(?!admin\.)\w+\.downstream_(rq_(timeout|idle_timeout|max_duration_reached|header_timeout|overload|[2-5]xx|rx_reset|tx_reset)|cx_(idle_timeout|max_duration_reached|max_requests_reached|drain_close|delayed_close_timeout))|^cluster\.(c|short)\.upstream_(cx_idle_timeout|cx_max_requests|rq_timeout|rq_max_duration_reached|cx_total)/,
    cases,
  });
});
