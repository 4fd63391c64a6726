import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessLogFilter } from '#config/model/access-log.ts';
import { type AccessLogPredicate, compileAccessLogFilter } from '#proxy/observe/access-log/filters.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { type RuntimeValue, RuntimeView } from '#selection/runtime-view.ts';
import { streamInfo } from '#testing/stream-info.ts';

const random = { uint32: () => 0x8000_0000, uuid: () => '' };

function compile(filter: AccessLogFilter, values: Record<string, RuntimeValue> = {}): AccessLogPredicate {
  return compileAccessLogFilter(filter, { runtime: new RuntimeView({ layers: [], values }), random });
}

function status(op: 'EQ' | 'GE' | 'LE' | 'NE', value: number, runtimeKey = ''): AccessLogFilter {
  return { kind: 'status_code', comparison: { op, value, runtimeKey } };
}

const answered = (responseCode: number) => streamInfo({ responseCode });
const passes = (filter: AccessLogFilter, codes: number[]) => codes.map((code) => compile(filter)(answered(code)));

test('a status is compared by each operator; none counts as 0', () => {
  assert.deepEqual(passes(status('EQ', 404), [0, 403, 404, 405]), [false, false, true, false]);
  assert.deepEqual(passes(status('GE', 404), [0, 403, 404, 405]), [false, false, true, true]);
  assert.deepEqual(passes(status('LE', 404), [0, 403, 404, 405]), [true, true, true, false]);
  assert.deepEqual(passes(status('NE', 404), [0, 403, 404, 405]), [true, true, false, true]);
});

test('the runtime may say what a status is compared with, also later', () => {
  const runtime = new RuntimeView();
  const filter = compileAccessLogFilter(status('EQ', 404, 'logged'), { runtime });
  assert.equal(filter(answered(404)), true);
  runtime.update({ layers: [], values: { logged: { raw: '500', number: 500 } } });
  assert.deepEqual([filter(answered(404)), filter(answered(500))], [false, true]);
});

test('a duration is compared in whole milliseconds; of a stream that goes on, as long as it has lasted', () => {
  const filter = compile({ kind: 'duration', comparison: { op: 'GE', value: 100, runtimeKey: '' } });
  const lasting = (complete: number) => streamInfo({ marks: { start: 50, complete } });
  assert.deepEqual(
    [149.9, 150, 151].map((complete) => filter(lasting(complete))),
    [false, true, true],
  );
  const now = clock.tick();
  assert.equal(filter(streamInfo({ marks: { start: now - 99 } })), false);
  assert.equal(filter(streamInfo({ marks: { start: now - 101 } })), true);
});

test('health checks are left out', () => {
  const filter = compile({ kind: 'not_health_check' });
  assert.deepEqual([filter(streamInfo({ healthCheck: true })), filter(streamInfo())], [false, true]);
});

test('a stream is traceable where its id says that the service asked for it', () => {
  const filter = compile({ kind: 'traceable' });
  const traced = (letter: string, more = {}) =>
    filter(
      streamInfo({
        traced: true,
        requestHeaders: { 'x-request-id': `3b0cfd5c-9b1f-${letter}b0e-8d8e-0123456789ab` },
        ...more,
      }),
    );
  assert.deepEqual([traced('a'), traced('9'), traced('b'), traced('4')], [true, false, false, false]);
  assert.equal(traced('a', { healthCheck: true }), false);
  assert.equal(traced('a', { traced: false }), false);
});

test('a share of all streams is chosen by the first bits of the request id, so that every proxy on the way agrees', () => {
  const filter: AccessLogFilter = {
    kind: 'runtime',
    runtimeKey: 'share',
    fraction: { numerator: 0x30, denominator: 100, runtimeKey: 'share' },
    useIndependentRandomness: false,
  };
  const of = (id: string, values = {}) =>
    compile(filter, values)(streamInfo({ requestHeaders: { 'x-request-id': `${id}-9b1f-4b0e-8d8e-0123456789ab` } }));
  assert.deepEqual([of('0000002f'), of('00000030'), of('00000063'), of('00000064')], [true, false, false, true]);
  // 2^31 % 100 is 48: what the random numbers come to here.
  assert.deepEqual([of('nothex00'), of('')], [false, false]);
  const raised = { share: { raw: '49', number: 49 } };
  assert.deepEqual([of('nothex00', raised), of('00000030', raised)], [true, true]);
});

test('with independent randomness the request id has no say', () => {
  const filter = (numerator: number) =>
    compile({
      kind: 'runtime',
      runtimeKey: '',
      fraction: { numerator, denominator: 100, runtimeKey: '' },
      useIndependentRandomness: true,
    })(streamInfo({ requestHeaders: { 'x-request-id': '00000000-9b1f-4b0e-8d8e-0123456789ab' } }));
  assert.deepEqual([filter(48), filter(49)], [false, true]);
});

test('and passes where all pass, or where one does', () => {
  const filters = [status('GE', 400), status('LE', 499)];
  assert.deepEqual(passes({ kind: 'and', filters }, [200, 404, 500]), [false, true, false]);
  assert.deepEqual(passes({ kind: 'or', filters: [status('EQ', 200), status('EQ', 500)] }, [200, 404, 500]), [
    true,
    false,
    true,
  ]);
});

test('a header is matched among the request headers, pseudo headers included', () => {
  const header = (name: string, value: string, invert = false) =>
    compile({
      kind: 'header',
      header: {
        name,
        match: { kind: 'string', matcher: { kind: 'exact', value, ignoreCase: false } },
        invert,
        treatMissingAsEmpty: false,
      },
    })(streamInfo({ path: '/a?b', requestHeaders: { 'x-user': 'jason' } }));
  assert.deepEqual(
    [header('x-user', 'jason'), header('x-user', 'json'), header('x-none', 'jason')],
    [true, false, false],
  );
  assert.deepEqual([header('x-user', 'json', true), header('x-none', 'json', true)], [true, false]);
  assert.deepEqual(
    [
      header(':path', '/a?b'),
      header(':method', 'GET'),
      header(':authority', 'example.test'),
      header(':scheme', 'http'),
    ],
    [true, true, true, true],
  );
  assert.equal(header('host', 'example.test'), true);
});

test('a response flag passes where it is among those wanted, and any flag where none is named', () => {
  const flags = (wanted: string[], given: number) =>
    compile({ kind: 'response_flag', flags: wanted })(streamInfo({ flags: given }));
  const refused = Flag.UpstreamConnectionFailure | Flag.UpstreamRetryLimitExceeded;
  assert.deepEqual(
    [flags(['UF'], refused), flags(['UC', 'URX'], refused), flags(['UC'], refused)],
    [true, true, false],
  );
  assert.deepEqual([flags([], refused), flags([], 0), flags(['UF'], 0)], [true, false, false]);
  assert.equal(flags(['UDO'], Flag.UnconditionalDropOverload), true);
  assert.throws(() => flags(['XX'], 0), { message: "no response flag 'XX'" });
});

test('a gRPC status is that of the trailers, else of the headers, else what the HTTP status comes to', () => {
  const filter = compile({ kind: 'grpc_status', statuses: [5, 14], exclude: false });
  const trailers = { 'grpc-status': '5' };
  assert.equal(filter(streamInfo({ responseTrailers: trailers, responseHeaders: { 'grpc-status': '0' } })), true);
  assert.equal(filter(streamInfo({ responseHeaders: { 'grpc-status': '5' } })), true);
  assert.equal(filter(streamInfo({ responseHeaders: { 'grpc-status': '0' }, responseCode: 503 })), false);
  assert.deepEqual(
    [503, 429, 404, 200].map((code) => filter(answered(code))),
    [true, true, false, false],
  );
  const unknown = compile({ kind: 'grpc_status', statuses: [2], exclude: false });
  assert.deepEqual([unknown(answered(0)), unknown(answered(200))], [true, true]);
  assert.equal(compile({ kind: 'grpc_status', statuses: [2], exclude: true })(answered(0)), false);
});

test('dynamic metadata passes by its matcher where it is there, else as configured', () => {
  const of = (dynamicMetadata: Record<string, { [key: string]: string }> | undefined, matchIfKeyNotFound: boolean) =>
    compile({
      kind: 'metadata',
      matcher: {
        filter: 'authn',
        path: ['user'],
        value: { kind: 'string', matcher: { kind: 'exact', value: 'jason', ignoreCase: false } },
        invert: true,
      },
      matchIfKeyNotFound,
    })(streamInfo({ dynamicMetadata }));
  assert.deepEqual([of({ authn: { user: 'jason' } }, false), of({ authn: { user: 'jo' } }, true)], [true, false]);
  assert.deepEqual([of({ authn: {} }, true), of({ authn: {} }, false), of(undefined, true)], [true, false, true]);
  const unconditional = compile({ kind: 'metadata', matchIfKeyNotFound: false });
  assert.equal(unconditional(streamInfo({ dynamicMetadata: { authn: {} } })), false);
});

test('records are chosen by where they are written', () => {
  const filter = (exclude: boolean, accessLogType: string) =>
    compile({ kind: 'log_type', types: ['DownstreamEnd'], exclude })(streamInfo({ accessLogType }));
  assert.deepEqual([filter(false, 'DownstreamEnd'), filter(false, 'DownstreamStart')], [true, false]);
  assert.deepEqual([filter(true, 'DownstreamEnd'), filter(true, 'DownstreamStart')], [false, true]);
});
