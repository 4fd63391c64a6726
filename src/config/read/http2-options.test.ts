import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHttp2ProtocolOptions } from '#config/read/http2-options.ts';
import type { Json } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const read = (fields: Json) =>
  readMessage('envoy.config.core.v3.Http2ProtocolOptions', fields, readHttp2ProtocolOptions);
const custom = (...settings: [number, number][]): Json => ({
  custom_settings_parameters: settings.map(([identifier, value]) => ({ identifier, value })),
});

test("what is not set is as in Envoy's defaults", () => {
  assert.deepEqual(read({}).value, {
    hpackTableSize: 4096,
    maxConcurrentStreams: 1024,
    initialStreamWindowSize: 16_777_216,
    initialConnectionWindowSize: 25_165_824,
    allowConnect: false,
    maxOutboundFrames: 10_000,
    maxOutboundControlFrames: 1000,
    maxConsecutiveInboundFramesWithEmptyPayload: 1,
    maxInboundPriorityFramesPerStream: 100,
    maxInboundWindowUpdateFramesPerDataFrameSent: 10,
    maxMetadataBytes: -1,
    customSettings: [],
    enableHuffmanEncoding: true,
    maxHeaderFieldBytes: 64 * 1024,
    disallowObsText: false,
    streamResetBurst: 1000,
    streamResetRate: 33,
  });
});

test('settings may be given by number, those that have a field too', () => {
  const { value, errors } = read(custom([3, 7], [0x100, 5], [0x100, 5]));
  assert.deepEqual(errors, []);
  assert.equal(value?.maxConcurrentStreams, 7);
  assert.deepEqual(value?.customSettings, [[0x100, 5]]);
});

test('settings that contradict each other are refused in the words of Envoy', () => {
  const words: [Json, RegExp][] = [
    [
      custom([100, 1], [100, 2], [101, 1], [101, 0]),
      /inconsistent HTTP\/2 custom SETTINGS .* identifiers = \{0x64,0x65\}$/,
    ],
    [
      { max_concurrent_streams: 5, hpack_table_size: 6, ...custom([3, 5], [1, 2]) },
      /the \{max_concurrent_streams,hpack_table_size\} HTTP\/2/,
    ],
    [custom([8, 1]), /the "allow_connect" SETTINGS parameter must only be configured through the named field/],
    [custom([2, 1]), /server push is not supported by Envoy/],
  ];
  for (const [fields, expected] of words) assert.match(read(fields).errors[0], expected);
  assert.deepEqual(read(custom([2, 0])).errors, []);
});

test('the last of the limits are those of Envoy too, and taken', () => {
  const { value } = read({ max_header_field_size_kb: 128, disallow_obs_text: true, stream_reset_burst: 7 });
  assert.equal(value?.maxHeaderFieldBytes, 128 * 1024);
  assert.equal(value?.disallowObsText, true);
  assert.equal(value?.streamResetBurst, 7);
});

test('a connection is asked whether it is there at intervals that differ by 15 percent', () => {
  const { value } = read({ connection_keepalive: { interval: '30s', timeout: '5s' } });
  assert.deepEqual(value?.keepalive, {
    interval: 30_000,
    timeout: 5000,
    intervalJitterPercent: 15,
    connectionIdleInterval: 0,
  });
});

test('a bad message breaks off the connection unless one of two fields says that it costs its stream alone', () => {
  const of = (fields: Json) => read(fields).value?.overrideStreamErrorOnInvalidHttpMessage;
  assert.equal(of({}), undefined);
  assert.equal(of({ stream_error_on_invalid_http_messaging: true }), true);
  assert.equal(
    of({ stream_error_on_invalid_http_messaging: true, override_stream_error_on_invalid_http_message: false }),
    false,
  );
});
