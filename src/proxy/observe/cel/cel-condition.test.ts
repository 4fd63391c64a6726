import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLAIN_DIALECT } from '#config/model/cel.ts';
import { CEL_ATTRIBUTES } from '#config/syntax/cel-attributes.ts';
import { celAttributes } from '#proxy/observe/cel/cel-attributes.ts';
import { compileCelCondition } from '#proxy/observe/cel/cel-condition.ts';
import type { TlsInfo } from '#proxy/observe/stream-info.ts';
import { streamInfo } from '#testing/stream-info.ts';

const certificate = {
  subject: 'CN=a',
  issuer: '',
  uriSans: ['spiffe://a'],
  dnsSans: [],
  ipSans: [],
  emailSans: [],
  otherNameSans: [],
  sha256: 'ab12',
  sha1: '',
  serial: '',
  pem: '',
  chainPem: '',
};
const tls: TlsInfo = {
  version: 'TLSv1.3',
  cipher: '',
  group: 'X25519',
  sessionId: '',
  alpn: '',
  serverName: '',
  peerPresented: true,
  peerValidated: true,
  peer: certificate,
  local: certificate,
};

const stream = streamInfo({
  method: 'POST',
  path: '/cart/1?a=b&c=d#e',
  bytesReceived: 5,
  bytesSent: 60,
  responseCode: 503,
  responseCodeDetails: 'via_upstream',
  flags: 1 << 5,
  clusterName: 'cart',
  requestHeaders: { 'x-user': 'jason', 'user-agent': 'curl/8', 'x-tag': 'a', 'x-name': 'J\xc3\xa9r\xc3\xb4me' },
  responseHeaders: { 'content-type': 'text/plain' },
  responseTrailers: { 'grpc-status': '14' },
  connection: { tls, requestedServerName: 'shop.test' },
  upstream: { tls, locality: { region: 'eu', zone: 'eu-1', subZone: '' } },
  marks: { start: 0, firstUpstreamTxByte: 1, lastUpstreamRxByte: 251.5, complete: 300 },
  dynamicMetadata: { authn: { user: 'jason', level: 2 } },
  filterState: new Map([['key', 'value']]),
});

const condition = (source: string, dialect = PLAIN_DIALECT) => compileCelCondition({ source, dialect });

const TRUE = [
  'true',
  "request.method == 'POST' && request.path.startsWith('/cart')",
  "request.url_path == '/cart/1' && request.query == 'a=b&c=d'",
  "request.host == 'example.test' && request.scheme == 'http' && request.protocol == 'HTTP/1.1'",
  "request.headers['x-user'] == 'jason' && request.headers['X-User'].matches('^ja')",
  "request.headers[':path'].size() > 5 && 'x-tag' in request.headers && !('x-none' in request.headers)",
  "request.headers['x-name'] == 'Jérôme' && request.headers['x-name'].size() == 6",
  "request.useragent == 'curl/8' && !has(request.referer) && !has(request.id)",
  'request.size == 5 && request.total_size > 5 && request.headers_bytes + 5 == request.total_size',
  "request.time == timestamp('2026-01-01T00:00:00Z') && request.duration == duration('0.3s')",
  "response.code >= 500 && response.code_details == 'via_upstream' && response.flags == 32",
  "response.headers['content-type'] == 'text/plain' && response.trailers['grpc-status'] == '14'",
  'response.grpc_status == 14 && response.size == 60 && response.total_size > response.size',
  "response.backend_latency > duration('250ms') && response.backend_latency < duration('251ms')",
  "connection.mtls && connection.requested_server_name == 'shop.test' && connection.tls_version == 'TLSv1.3'",
  "connection.id == 7u && connection.subject_peer_certificate == 'CN=a' && !has(connection.dns_san_peer_certificate)",
  "connection.uri_san_peer_certificate == 'spiffe://a' && connection.sha256_peer_certificate_digest == 'ab12'",
  "upstream.address == '127.0.0.1:8081' && upstream.port == 8081 && upstream.request_attempt_count == 1u",
  "upstream.locality.region == 'eu' && upstream.transport_failure_reason == '' && upstream.tls_version == 'TLSv1.3'",
  "source.address == '10.0.0.1:1234' && source.port == 1234 && destination.port == 8000",
  "metadata.filter_metadata['authn']['user'] == 'jason' && metadata.filter_metadata.authn.level == 2.0",
  "filter_state['key'] == b'value'",
  "xds.cluster_name == 'cart' && xds.filter_chain_name == '' && !has(xds.route_name)",
];

for (const expression of TRUE) {
  test(`of the stream it is true that ${expression}`, () => {
    assert.equal(condition(expression)(stream), true);
  });
}

for (const expression of ['false', '1', "request.headers['x-none'] == ''", 'unknown == 1', 'request.path > 1']) {
  test(`what is false, no truth value, or an error is not logged: ${expression}`, () => {
    assert.equal(condition(expression)(stream), false);
  });
}

test('one filter tells streams apart', () => {
  const filter = condition("request.headers['x-user'] == 'jason' && response.code == 200");
  const of = (user: string, responseCode: number) =>
    filter(streamInfo({ requestHeaders: { 'x-user': user }, responseCode }));
  assert.deepEqual([of('jason', 200), of('jo', 200), of('jason', 404), of('jason', 200)], [true, false, false, true]);
});

test('what is no expression is refused with the place of the mistake', () => {
  assert.throws(() => condition('request.path =='), /^Error: Not able to parse filter expression: <input>:1:14/);
});

test('what asks for an attribute that is not there is refused', () => {
  assert.throws(() => condition("has(request.pth) && request.pth == 'a'"), {
    message: 'there is no attribute request.pth',
  });
  assert.throws(() => condition("[xds.node == 'a'][0]"), { message: 'there is no attribute xds.node' });
});

test('every attribute that is accepted can be given', () => {
  const names = (tables: object) =>
    Object.fromEntries(
      Object.entries(tables).map(([root, table]) => [
        root,
        (Array.isArray(table) ? [...table] : Object.keys(table)).sort(),
      ]),
    );
  assert.deepEqual(names(celAttributes), names(CEL_ATTRIBUTES));
});
