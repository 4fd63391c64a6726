/** Calls of gRPC: deadlines, statuses, retries, what is counted. */
import { test } from 'node:test';
import { fileAccessLog, http2Cluster, type Json, routerFilter, routeTo, withRoutes } from '#testing/bootstrap.ts';
import { answer2, byPath2, half2, hang2, inTurn2, reset2 } from '#testing/http2-behaviours.ts';
import { DATA, END_STREAM, Http2Wire } from '#testing/http2-wire.ts';
import { compare } from './compare.ts';
import { type Case, LOG_FILE, post } from './subject.ts';

const GRPC = 'content-type: application/grpc';
const call = (path: string, ...headers: string[]): string => post(path, '\0\0\0\0\0', GRPC, ...headers);

const TYPE = { 'content-type': 'application/grpc' };
/** The empty message. */
const MESSAGE = '\0\0\0\0\0';

const status = (code: number) => answer2({ headers: TYPE, body: MESSAGE, trailers: { 'grpc-status': String(code) } });
const only = (code: number) => answer2({ headers: { ...TYPE, 'grpc-status': String(code), 'grpc-message': 'no' } });

const BEHAVIOURS = {
  '/': status(0),
  '/hang': hang2,
  '/half': half2(() => {}),
  '/reset': reset2(8),
  '/refused': reset2(7),
  '/http-503': answer2({ status: 503, headers: { 'content-type': 'text/html' }, body: 'down' }),
  '/without-status': answer2({ headers: TYPE, body: MESSAGE }),
  ...Object.fromEntries([0, 1, 2, 4, 5, 8, 12, 13, 14, 16, 99].map((code) => [`/trailers/${code}/`, status(code)])),
  ...Object.fromEntries([0, 1, 2, 4, 5, 8, 12, 13, 14, 16, 99].map((code) => [`/only/${code}/`, only(code)])),
};

const max = (seconds: string, offset?: string): Json => ({
  max_grpc_timeout: seconds,
  ...(offset === undefined ? {} : { grpc_timeout_offset: offset }),
});
const duration = (fields: Json): Json => ({ max_stream_duration: fields });

const ROUTES: Record<string, Json> = {
  '/max': max('60s'),
  '/max-0': max('0s'),
  '/offset': max('0s', '0.5s'),
  '/per-try': { ...max('60s'), retry_policy: { retry_on: 'unavailable', per_try_timeout: '2s' } },
  '/hang/max': max('0.1s'),
  '/half/max': max('0.1s'),
  '/hang/asked': max('0s'),
  '/header-max': duration({ grpc_timeout_header_max: '10s' }),
  '/header-max-0': duration({ grpc_timeout_header_max: '0s' }),
  '/header-offset': duration({ grpc_timeout_header_max: '10s', grpc_timeout_header_offset: '0.5s' }),
  '/both': duration({ max_stream_duration: '5s', grpc_timeout_header_max: '10s' }),
  '/duration': duration({ max_stream_duration: '5s' }),
  '/hang/header-max': duration({ grpc_timeout_header_max: '0.1s' }),
  '/hang/duration': duration({ max_stream_duration: '0.1s' }),
};

test('a call has the time that its caller and its route give it, as through Envoy', async (t) => {
  const asked = ['2S', '1H', '99999999H', '1500000u', 'x', '-1S', ''];
  const cases: Case[] = Object.keys(ROUTES).flatMap((path) => {
    if (path.startsWith('/hang') || path.startsWith('/half'))
      return [{ name: path, send: call(path, 'grpc-timeout: 150m') }];
    return [
      { name: `${path} without grpc-timeout`, send: call(path) },
      { name: `${path} no gRPC`, send: post(path, 'x', 'grpc-timeout: 2S') },
      ...(path === '/per-try' ? ['2S', '1H'] : asked).map((timeout) => ({
        name: `${path} ${timeout}`,
        send: call(path, `grpc-timeout: ${timeout}`),
      })),
    ];
  });
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2(BEHAVIOURS) } },
    bootstrap: ({ c }) =>
      withRoutes(
        Object.entries(ROUTES)
          .sort(([one], [other]) => other.length - one.length)
          .map(([path, action]) => routeTo(path, 'c', action)),
        [http2Cluster('c', [c])],
      ),
    counters: /^cluster\.c\.upstream_rq_(timeout|per_try_timeout|tx_reset|\dxx)$|^http\.in\.downstream_rq_max_duration/,
    cases,
  });
});

test('what becomes of a call is told and counted as by Envoy', async (t) => {
  const paths = Object.keys(BEHAVIOURS).filter((path) => path !== '/hang' && path !== '/half');
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2(BEHAVIOURS) } },
    bootstrap: ({ c }) =>
      withRoutes(
        [routeTo('/refused-connection', 'none'), routeTo('/', 'c')],
        [http2Cluster('c', [c]), http2Cluster('none', [1])],
        {},
      ),
    cases: [...paths, '/refused-connection'].map((path) => ({
      name: path,
      send: async (wire, { proxy, note, http2Upstreams }) => {
        await wire.send(call(path));
        await wire.something();
        await proxy.statBecomes('http.in.downstream_rq_active', 0);
        const counts = (await proxy.get('/clusters')).body
          .split('\n')
          .filter((line) => /::rq_(success|error|total)::/.test(line));
        note(counts.sort().join(' ').replaceAll(String(http2Upstreams.c.port), '<c>'));
      },
    })),
  });
});

test('a call is tried again after the statuses that the route names, as by Envoy', async (t) => {
  const codes = [1, 2, 4, 8, 13, 14];
  for (const retryOn of ['cancelled', 'deadline-exceeded', 'resource-exhausted', 'internal', 'unavailable']) {
    await t.test(retryOn, (t) =>
      compare(t, {
        http2Upstreams: {
          c: {
            behaviour: byPath2({
              ...Object.fromEntries(codes.map((code) => [`/only/${code}/`, inTurn2(only(code), status(0))])),
              ...Object.fromEntries(codes.map((code) => [`/trailers/${code}/`, inTurn2(status(code), status(0))])),
            }),
          },
        },
        bootstrap: ({ c }) =>
          withRoutes([routeTo('/', 'c', { retry_policy: { retry_on: retryOn } })], [http2Cluster('c', [c])]),
        counters: /^cluster\.c\.upstream_rq_(retry\w*|total|\dxx)$/,
        cases: codes.flatMap((code) => [
          { name: `only ${code}`, send: call(`/only/${code}/`) },
          { name: `trailers ${code}`, send: call(`/trailers/${code}/`) },
        ]),
      }),
    );
  }
});

test('a cluster whose router is told so counts answers to calls without their codes, as by Envoy', async (t) => {
  const alternative = ['x-forwarded-for: 10.0.0.1', 'x-envoy-upstream-alt-stat-name: other'];
  const paths = ['/', '/http-503', '/reset', '/only/14/', '/refused-connection', '/retried/http-503', '/maintenance'];
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2({ ...BEHAVIOURS, '/retried': BEHAVIOURS['/http-503'] }) } },
    bootstrap: ({ c }) => ({
      ...withRoutes(
        [
          routeTo('/refused-connection', 'none'),
          routeTo('/maintenance', 'closed'),
          routeTo('/retried', 'c', { retry_policy: { retry_on: '5xx' } }),
          routeTo('/', 'c'),
        ],
        [http2Cluster('c', [c]), http2Cluster('none', [1]), http2Cluster('closed', [c])],
        { http_filters: [routerFilter({ suppress_grpc_request_failure_code_stats: true })] },
      ),
      layered_runtime: { layers: [{ name: 'static', static_layer: { 'upstream.maintenance_mode.closed': 100 } }] },
    }),
    counters: /^cluster\..*upstream_rq_(\dxx|\d{3}|completed)$/,
    cases: [
      ...paths.map((path) => ({ name: path, send: call(path) })),
      { name: 'under another name, from inside', send: call('/', ...alternative) },
      { name: 'no call', send: post('/http-503', 'x') },
    ],
  });
});

test('calls over HTTP/2 are answered and logged as by Envoy', async (t) => {
  const log = fileAccessLog(
    LOG_FILE,
    '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %PROTOCOL% %UPSTREAM_PROTOCOL% %REQ(:PATH)% ' +
      '%RESPONSE_CODE% %RESPONSE_FLAGS% %GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER% %TRAILER(GRPC-STATUS)% ' +
      '%RESP(GRPC-STATUS)% %BYTES_RECEIVED% %BYTES_SENT%',
  );
  const paths = Object.keys(BEHAVIOURS).filter((path) => path !== '/half');
  await compare(t, {
    http2Upstreams: { c: { behaviour: byPath2(BEHAVIOURS) } },
    bootstrap: ({ c }) =>
      withRoutes(
        [routeTo('/hang', 'c', { timeout: '0.1s' }), routeTo('/none', 'none'), routeTo('/', 'c')],
        [http2Cluster('c', [c]), http2Cluster('none', [1])],
        { access_log: [log] },
      ),
    cases: [...paths, '/none'].map((path) => ({
      name: path,
      methods: [],
      probe: false,
      send: async (wire, { note }) => {
        const h = await new Http2Wire(wire).start();
        // Where a connection is refused, the answer may come before the message would: whether it is counted is chance.
        const hasBody = path !== '/none';
        const fields = { 'content-type': 'application/grpc', te: 'trailers' };
        const id = await h.request(`POST ${path}`, fields, hasBody ? 0 : END_STREAM);
        if (hasBody) await h.frame(DATA, END_STREAM, id, MESSAGE);
        const { headers, body, trailers, ending } = await h.answer(id);
        const { date: _date, 'x-envoy-upstream-service-time': _time, ...rest } = headers;
        note(JSON.stringify([rest, body, trailers, ending]));
        wire.destroy();
      },
    })),
  });
});
