import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUpstreamHttp } from '#config/read/upstream-http.ts';
import { httpProtocolOptions, type Json, typed } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const HTTP = 'extensions.upstreams.http.v3.HttpProtocolOptions';

function read(fields: Json) {
  return readMessage('envoy.config.cluster.v3.Cluster', { name: 'c', ...fields }, readUpstreamHttp);
}

function options(fields: Json): Json {
  return { typed_extension_protocol_options: { [`envoy.${HTTP}`]: typed(HTTP, fields) } };
}

test('HTTP/1.1 is spoken unless something else is said', () => {
  const { value } = read({});
  assert.equal(value?.protocol, 'http1');
  assert.equal(value?.common.idleTimeout, 3_600_000);
  assert.equal(value?.autoSni, false);
});

test('the protocol is explicit, chosen by ALPN, or that of the client', () => {
  const http1 = { http_protocol_options: { enable_trailers: true } };
  const cases: [Json, string][] = [
    [{ explicit_http_config: http1 }, 'http1'],
    [{ auto_config: http1 }, 'auto'],
    [{ use_downstream_protocol_config: http1 }, 'use_downstream'],
  ];
  for (const [fields, protocol] of cases) {
    const { value, errors } = read(options(fields));
    assert.deepEqual(errors, []);
    assert.equal(value?.protocol, protocol);
    assert.equal(value?.http1.enableTrailers, true);
  }
});

test('HTTP/2 has options of its own, alone and beside HTTP/1.1', () => {
  const http2 = { http2_protocol_options: { max_concurrent_streams: 7 } };
  const cases: [Json, string][] = [
    [options({ explicit_http_config: http2 }), 'http2'],
    [options({ auto_config: http2 }), 'auto'],
    [options({ use_downstream_protocol_config: http2 }), 'use_downstream'],
    [http2, 'http2'],
    [{ ...http2, http_protocol_options: {}, protocol_selection: 'USE_DOWNSTREAM_PROTOCOL' }, 'use_downstream'],
  ];
  for (const [fields, protocol] of cases) {
    const { value, errors } = read(fields);
    assert.deepEqual(errors, []);
    assert.deepEqual([value?.protocol, value?.http2.maxConcurrentStreams], [protocol, 7]);
  }
});

test('older fields count where there are no options, and are passed over beside them', () => {
  const older = { common_http_protocol_options: { idle_timeout: '2s' } };
  assert.equal(read(older).value?.common.idleTimeout, 2000);
  assert.equal(read({ ...older, ...httpProtocolOptions({}) }).value?.common.idleTimeout, 3_600_000);
});

test('older fields cannot ask for both protocols', () => {
  assert.match(
    read({ http_protocol_options: {}, http2_protocol_options: {} }).errors[0],
    /Both HTTP1 and HTTP2 options may only be configured with non-default 'protocol_selection' values/,
  );
});

test('the server name may come from the request', () => {
  const sni = { auto_sni: true, auto_san_validation: true, override_auto_sni_header: 'X-Name' };
  const { value } = read(httpProtocolOptions({ upstream_http_protocol_options: sni }));
  assert.equal(value?.autoSni, true);
  assert.equal(value?.autoSanValidation, true);
  assert.equal(value?.overrideAutoSniHeader, 'x-name');
});

test('of filters of the upstream there is the codec', () => {
  const filters = (type: string) => httpProtocolOptions({ http_filters: [{ name: 'x', typed_config: typed(type) }] });
  assert.deepEqual(read(filters('extensions.filters.http.upstream_codec.v3.UpstreamCodec')).errors, []);
  assert.match(
    read(filters('extensions.filters.http.router.v3.Router')).errors[0],
    /The codec filter is the only valid terminal upstream HTTP filter/,
  );
});

test('options under a name that nobody has are refused in the words of Envoy', () => {
  assert.match(
    read({ typed_extension_protocol_options: { mine: typed(HTTP) } }).errors[0],
    /Didn't find a registered network or http filter or protocol options implementation for name: 'mine'$/,
  );
});
