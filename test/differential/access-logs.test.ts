/** Access logs: what is logged by which filter, when, and the default line. Follows config/accesslog/v3/accesslog.proto. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { answer, byPath } from '#testing/behaviours.ts';
import {
  bootstrap,
  fileAccessLog,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { both } from './attempted.ts';
import { compare } from './compare.ts';
import { type Case, get, LOG_FILE, post } from './subject.ts';

const compared = (op: string, value: number, runtime_key = 'none'): Json => ({
  comparison: { op, value: { default_value: value, runtime_key } },
});
const status = (op: string, value: number, key?: string): Json => ({ status_code_filter: compared(op, value, key) });
const duration = (op: string, value: number): Json => ({ duration_filter: compared(op, value) });
const header = (name: string, more: Json = { present_match: true }): Json => ({
  header_filter: { header: { name, ...more } },
});
const flags = (...wanted: string[]): Json => ({ response_flag_filter: { flags: wanted } });
const grpc = (statuses: string[], exclude = false): Json => ({ grpc_status_filter: { statuses, exclude } });
const share = (numerator: number, key: string, more: Json = {}): Json => ({
  runtime_filter: { runtime_key: key, percent_sampled: { numerator, denominator: 'HUNDRED' }, ...more },
});
const metadata = (value: Json, more: Json = {}): Json => ({
  metadata_filter: { matcher: { filter: 'envoy.lb', path: [{ key: 'stage' }], value }, ...more },
});
const types = (list: string[], exclude = false): Json => ({ log_type_filter: { types: list, exclude } });
const cel = (expression: string): Json => ({
  extension_filter: {
    name: 'cel',
    typed_config: typed('extensions.access_loggers.filters.cel.v3.ExpressionFilter', { expression }),
  },
});

const FILTERS: Record<string, Json | undefined> = {
  'no filter': undefined,
  'status EQ 404': status('EQ', 404),
  'status GE 404': status('GE', 404),
  'status LE 404': status('LE', 404),
  'status NE 404': status('NE', 404),
  'status by the runtime': status('EQ', 404, 'log.status'),
  'duration GE 0': duration('GE', 0),
  'duration GE 100 s': duration('GE', 100_000),
  'duration LE 100 s': duration('LE', 100_000),
  'no health check': { not_health_check_filter: {} },
  traceable: { traceable_filter: {} },
  'none of all': share(0, 'none'),
  'all of all': share(100, 'none'),
  'half by id': share(50, 'none'),
  'a share by the runtime': share(0, 'log.share'),
  'all, independent': share(100, 'none', { use_independent_randomness: true }),
  'no header filter': header('x-none'),
  'header there': header('x-user'),
  'header absent': header('x-user', { present_match: false }),
  'header exact': header('x-user', { string_match: { exact: 'jason' } }),
  'header not exact': header('x-user', { string_match: { exact: 'jason' }, invert_match: true }),
  'header or empty': header('x-user', { string_match: { exact: '' }, treat_missing_header_as_empty: true }),
  'header regex': header('x-user', { string_match: { safe_regex: { regex: 'j.*,?.*' } } }),
  'header range': header('x-number', { range_match: { start: 1, end: 10 } }),
  path: header(':path', { string_match: { prefix: '/up' } }),
  method: header(':method', { string_match: { exact: 'POST' } }),
  authority: header(':authority', { string_match: { suffix: '.test' } }),
  'host as authority': header('host', { string_match: { suffix: '.test' } }),
  'any flag': flags(),
  'flag NR': flags('NR'),
  'flags UF and URX': flags('UF', 'URX'),
  'gRPC unavailable': grpc(['UNAVAILABLE']),
  'gRPC not unavailable': grpc(['UNAVAILABLE'], true),
  'gRPC others': grpc(['OK', 'UNKNOWN', 'NOT_FOUND', 'UNIMPLEMENTED']),
  'metadata that is not there': metadata({ present_match: true }),
  'metadata must be there': metadata({ present_match: true }, { match_if_key_not_found: false }),
  'metadata without a matcher': { metadata_filter: { match_if_key_not_found: false } },
  'at the end': types(['DownstreamEnd']),
  'not at the end': types(['DownstreamEnd'], true),
  'at the start': types(['DownstreamStart']),
  and: { and_filter: { filters: [status('GE', 400), header('x-user')] } },
  or: { or_filter: { filters: [status('GE', 500), header('x-user')] } },
  nested: {
    and_filter: {
      filters: [
        { or_filter: { filters: [flags(), header('x-user')] } },
        { or_filter: { filters: [status('EQ', 404), status('EQ', 200)] } },
      ],
    },
  },
};

const EXPRESSIONS = [
  'true',
  '1',
  "request.method == 'POST'",
  "request.path == '/direct?a=b'",
  "request.url_path == '/direct'",
  "request.query == 'a=b'",
  "request.query == ''",
  "request.host == 'example.test' && request.scheme == 'http' && request.protocol == 'HTTP/1.1'",
  "request.headers['x-user'] == 'jason'",
  "request.headers['X-User'].startsWith('jason,')",
  "request.headers['x-name'] == 'Jérôme' && request.headers['x-name'].size() == 6",
  "request.headers[':path'].startsWith('/up')",
  "request.headers['host'] == 'example.test'",
  "'x-user' in request.headers",
  'has(request.referer)',
  'has(request.useragent)',
  'has(request.id)',
  'request.size == 4',
  'request.total_size > request.size',
  "request.time > timestamp('2020-01-01T00:00:00Z')",
  "request.duration < duration('100s')",
  'has(request.duration)',
  'response.code == 404',
  'has(response.code)',
  'response.code_details == "via_upstream"',
  'response.code_details == "route_not_found"',
  'response.flags == 0',
  'response.flags == 256',
  "response.headers['content-type'] == 'text/plain'",
  'has(response.trailers)',
  'response.grpc_status == 14',
  'response.grpc_status == 12',
  'response.grpc_status == 2',
  'response.size == 6',
  'response.size == 0',
  'response.total_size > response.size',
  'has(response.backend_latency)',
  'connection.mtls',
  "connection.requested_server_name == ''",
  'has(connection.id)',
  'has(connection.tls_version)',
  'has(connection.termination_details)',
  'has(connection.transport_failure_reason)',
  'has(upstream.address)',
  'upstream.port > 1',
  'has(upstream.local_address)',
  "upstream.locality.region == ''",
  "upstream.transport_failure_reason == ''",
  'upstream.request_attempt_count == 1u',
  'upstream.request_attempt_count == 0u',
  "source.address.startsWith('127.0.0.1:') && source.port > 0",
  "destination.address.startsWith('127.0.0.1:') && destination.port > 0",
  "metadata.filter_metadata['a']['b'] == 'c'",
  'has(metadata.filter_metadata)',
  "'a' in metadata.filter_metadata",
  "xds.cluster_name == 'c'",
  "xds.route_name == ''",
  "xds.route_name == 'direct'",
  "xds.route_metadata.filter_metadata['f']['k'] == 'v'",
  "xds.virtual_host_name == 'all'",
  "xds.filter_chain_name == ''",
  'has(xds.cluster_name)',
  'has(xds.route_name)',
  'has(xds.virtual_host_name)',
  "unknown == 'a'",
  'request.path',
  "request.path.matches('^/up')",
  'size(request.headers) > 0',
];

const ID = (first: string) => `x-request-id: ${first}-9b1f-4b0e-8d8e-0123456789ab`;

const CASES: Record<string, Omit<Case, 'name'>> = {
  direct: { send: get('/direct?a=b', 'x-user: jason', ID('00000001')), status: 200 },
  'no route': { send: get('/none', 'x-number: 5', ID('00000063')), status: 404 },
  refused: { send: get('/refused', 'user-agent: probe', 'referer: here', ID('00000030')), status: 503 },
  upstream: { send: get('/up', 'x-user: jason', 'x-user: jo', 'x-number: 10', ID('ffffffff')), status: 200 },
  posted: { send: post('/up', 'body', 'x-user: jo', 'x-name: J\xc3\xa9r\xc3\xb4me', ID('0000002f')), status: 200 },
  'upstream 404': { send: get('/up-404', 'x-user: ', ID('80000000')), status: 404 },
  'gRPC status': { send: post('/grpc', '', 'content-type: application/grpc', ID('7fffffff')), status: 200 },
};

const ROUTES: Json[] = [
  {
    name: 'direct',
    match: { prefix: '/direct' },
    direct_response: { status: 200, body: { inline_string: 'direct' } },
    metadata: { filter_metadata: { f: { k: 'v' } } },
  },
  routeTo('/refused', 'refused'),
  routeTo('/up', 'c'),
  routeTo('/grpc', 'c'),
];
const UPSTREAM = byPath({
  '/up-404': answer({ status: 404 }),
  '/up': answer({ status: 200, body: 'hello!', headers: { 'content-type': 'text/plain' } }),
  '/grpc': answer({ status: 200, headers: { 'content-type': 'application/grpc', 'grpc-status': '5' } }),
});
const RUNTIME = {
  layered_runtime: { layers: [{ name: 'static', static_layer: { 'log.status': 503, 'log.share': 100 } }] },
};

function logger(name: string, filter: Json | undefined): Json {
  const line = `%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_LOCAL_ADDRESS% %ACCESS_LOG_TYPE% ${name.replaceAll('%', '%%')}`;
  return { ...fileAccessLog(LOG_FILE, line), ...(filter ? { filter } : {}) };
}

function listener(name: string, loggers: Json[], manager: Json = {}): Json {
  return httpListener({
    name,
    manager: { ...routeConfig(ROUTES, { name: 'all' }), access_log: loggers, ...manager },
  });
}

test('filters choose what Envoy logs', async (t) => {
  const filters = Object.entries(FILTERS).map(([name, filter]) => logger(name, filter));
  const expressions = EXPRESSIONS.map((text) => logger(text, cel(text)));
  const listeners = [
    listener('filters', filters),
    listener('expressions', expressions),
    listener('new requests', filters, { access_log_options: { flush_access_log_on_new_request: true } }),
  ];
  const cases = ['filters', 'expressions', 'new requests'].flatMap((on) =>
    Object.entries(CASES).map(([name, one]): Case => ({ name: `${on}: ${name}`, listener: on, probe: false, ...one })),
  );
  await compare(t, {
    upstreams: { c: UPSTREAM },
    bootstrap: ({ c }) => bootstrap(listeners, [staticCluster('c', [c]), staticCluster('refused', [1])], RUNTIME),
    cases,
  });
});

/** The lines of one proxy after the same requests, without what differs from run to run. */
async function defaultLines(t: TestContext, kind: ProxyKind): Promise<string> {
  const file = join(temporaryFolder(t), 'access.log');
  const upstream = await startUpstream(t, UPSTREAM);
  const log = { name: 'file', typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', { path: file }) };
  const stdout = { name: 'out', typed_config: typed('extensions.access_loggers.stream.v3.StdoutAccessLog') };
  const stderr = { name: 'err', typed_config: typed('extensions.access_loggers.stream.v3.StderrAccessLog') };
  const proxy = await startProxy(
    t,
    bootstrap(
      [listener('l', [log, stdout, stderr])],
      [staticCluster('c', [upstream.port]), staticCluster('refused', [1])],
    ),
    { kind },
  );
  const wire = await proxy.connect('l');
  const lines: string[] = [];
  for (const path of ['/up', '/none', '/refused', '/direct']) {
    await wire.send(get(path, 'user-agent: test', 'x-forwarded-for: 10.0.0.1'));
    await wire.response();
    lines.push(path);
    await eventually('the line', () => readFileSync(file, 'latin1').split('\n').length === lines.length + 1);
  }
  const text = readFileSync(file, 'latin1');
  await eventually('standard output and error', () => proxy.output.split(text.split('\n')[3]).length === 3);
  const stats = await proxy.stats();
  const counted = ['write_buffered', 'write_failed', 'reopen_failed', 'write_total_buffered'].map(
    (name) => `${name} ${stats[`filesystem.${name}`]}`,
  );
  const masked = text
    .replaceAll(`:${upstream.port}`, ':<c>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uuid>')
    .replace(
      /( \d+ \d+ )\d+ (\d+|-) "/g,
      (_, bytes, upstreamTime) => `${bytes}<ms> ${upstreamTime === '-' ? '-' : '<ms>'} "`,
    );
  return `${masked}${counted.join('\n')}`;
}

test("the default line, standard output and error, and the files' stats are Envoy's", async (t) => {
  const [envoy, ours] = await both(t, (kind) => defaultLines(t, kind));
  assert.equal(ours, envoy);
});
