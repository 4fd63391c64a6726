/** How much of a head is taken: bytes, lines, and names with underscores. Follows HttpConnectionManager and HttpProtocolOptions. */
import { test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, httpListener, type Json, staticCluster } from '#testing/bootstrap.ts';
import { compare } from './compare.ts';
import { type Case, get, request } from './subject.ts';

const LISTENERS: Record<string, Json> = {
  default: {},
  'small head': { max_request_headers_kb: 1 },
  'few headers': { common_http_protocol_options: { max_headers_count: 5 } },
  'underscores refused': { common_http_protocol_options: { headers_with_underscores_action: 'REJECT_REQUEST' } },
  'underscores dropped': { common_http_protocol_options: { headers_with_underscores_action: 'DROP_HEADER' } },
  'errors by stream': { stream_error_on_invalid_http_message: true, max_request_headers_kb: 1 },
};
const headers = (count: number): string[] => Array.from({ length: count }, (_, i) => `x-${i}: v`);
const of = (bytes: number): string => `x-big: ${'v'.repeat(bytes)}`;

const REQUESTS: Record<string, string> = {
  small: get('/'),
  '900 bytes': get('/', of(850)),
  '1200 bytes': get('/', of(1150)),
  '2000 bytes, several lines': get('/', of(600), of(600), of(600)),
  '50 KB': get('/', of(50_000)),
  '61 KB': get('/', of(61_000)),
  '70 KB': get('/', of(70_000)),
  'a long path': get(`/${'p'.repeat(2000)}`),
  'a very long path': get(`/${'p'.repeat(70_000)}`),
  'a long name': get('/', `${'n'.repeat(2000)}: v`),
  '4 headers': get('/', ...headers(3)),
  '5 headers': get('/', ...headers(4)),
  '6 headers': get('/', ...headers(5)),
  '99 headers': get('/', ...headers(98)),
  '100 headers': get('/', ...headers(99)),
  '101 headers': get('/', ...headers(100)),
  '200 headers': get('/', ...headers(199)),
  'an underscore': get('/', 'x_a: 1', 'x-b: 2'),
  'an underscore in a value': get('/', 'x-a: a_b'),
  x_forwarded_for: get('/', 'x_forwarded_for: 1.2.3.4'),
  content_length: request('POST / HTTP/1.1', ['host: a', 'content_length: 5', 'content-length: 0']),
  'trailers beyond the limit': request(
    'POST / HTTP/1.1',
    ['host: a', 'transfer-encoding: chunked'],
    `1\r\na\r\n0\r\n${headers(120)
      .map((line) => `${line}\r\n`)
      .join('')}\r\n`,
  ),
  'trailers too big': request(
    'POST / HTTP/1.1',
    ['host: a', 'transfer-encoding: chunked'],
    `1\r\na\r\n0\r\n${of(70_000)}\r\n\r\n`,
  ),
};

const cases: Case[] = Object.keys(LISTENERS).flatMap((listener) =>
  Object.entries(REQUESTS)
    .filter(([name]) => listener === 'default' || !/KB|very|200 headers|trailers/.test(name))
    .map(([name, send]) => ({ name: `${listener}: ${name}`, listener, send })),
);

test('a head beyond a limit is refused as by Envoy', async (t) => {
  await compare(t, {
    upstreams: { c: answer('fine') },
    bootstrap: ({ c }) =>
      bootstrap(
        Object.entries(LISTENERS).map(([name, manager]) =>
          httpListener({ name, manager: { ...manager, stat_prefix: name.replaceAll(' ', '_') } }),
        ),
        [staticCluster('c', [c])],
      ),
    counters: /^http\.(?!admin\.)\w+\.downstream_(rq_(too_large|[2-5]xx|rejected|headers)|cx_protocol_error)|^http1\./,
    cases,
  });
});
