/**
 * Options of HTTP/2, which listeners and clusters share; the defaults are those of Envoy 1.40. Follows envoy.config.core.v3.Http2ProtocolOptions.
 */
import type { Place } from '#api/place.ts';
import type { Http2Keepalive, Http2ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import { honours } from '#config/read/support.ts';
import type { Http2ProtocolOptions as Http2Message, KeepaliveSettings } from '#envoy/config/core/v3/protocol_pb.js';

const NAME = 'envoy.config.core.v3.Http2ProtocolOptions';

const check = honours(
  NAME,
  [
    'hpack_table_size',
    'max_concurrent_streams',
    'initial_stream_window_size',
    'initial_connection_window_size',
    'allow_connect',
    'max_outbound_frames',
    'max_outbound_control_frames',
    'max_consecutive_inbound_frames_with_empty_payload',
    'max_inbound_priority_frames_per_stream',
    'max_inbound_window_update_frames_per_data_frame_sent',
    'stream_error_on_invalid_http_messaging',
    'override_stream_error_on_invalid_http_message',
    'custom_settings_parameters',
    'connection_keepalive',
    'enable_huffman_encoding',
    'max_header_field_size_kb',
    'disallow_obs_text',
    'stream_reset_burst',
    'stream_reset_rate',
    'allow_metadata',
    'max_metadata_size',
  ],
  {
    withoutEffect: { use_oghttp2_codec: "it chooses between two codecs of Envoy's" },
  },
);
const checkKeepalive = honours('envoy.config.core.v3.KeepaliveSettings', [
  'interval',
  'timeout',
  'interval_jitter',
  'connection_idle_interval',
]);
const checkSetting = honours(`${NAME}.SettingsParameter`, ['identifier', 'value']);

const MEBIBYTE = 1024 * 1024;
const LARGEST_FIELD_KB = 64;
const ENABLE_PUSH = 2;
const ENABLE_CONNECT_PROTOCOL = 8;
/** Settings that have fields of their own. */
const NAMED = [
  { field: 'hpack_table_size', identifier: 1, value: (message: Http2Message) => message.hpackTableSize },
  { field: 'max_concurrent_streams', identifier: 3, value: (message: Http2Message) => message.maxConcurrentStreams },
  {
    field: 'initial_stream_window_size',
    identifier: 4,
    value: (message: Http2Message) => message.initialStreamWindowSize,
  },
];
/** Envoy's order of them in its words. */
const TOLD = [4, 3, 1];

/** @param message may be missing: Envoy's defaults. */
export function readHttp2ProtocolOptions(message: Http2Message | undefined, at: Place): Http2ProtocolOptions {
  if (message !== undefined) check(message, at);
  const custom = message === undefined ? [] : readCustomSettings(message, at);
  const setting = (identifier: number) => custom.find(([own]) => own === identifier)?.[1];
  const override =
    message?.overrideStreamErrorOnInvalidHttpMessage ?? (message?.streamErrorOnInvalidHttpMessaging || undefined);
  const keepalive = message?.connectionKeepalive;
  return {
    hpackTableSize: message?.hpackTableSize ?? setting(1) ?? 4096,
    maxConcurrentStreams: message?.maxConcurrentStreams ?? setting(3) ?? 1024,
    initialStreamWindowSize: message?.initialStreamWindowSize ?? setting(4) ?? 16 * MEBIBYTE,
    initialConnectionWindowSize: message?.initialConnectionWindowSize ?? 24 * MEBIBYTE,
    allowConnect: message?.allowConnect ?? false,
    maxOutboundFrames: message?.maxOutboundFrames ?? 10_000,
    maxOutboundControlFrames: message?.maxOutboundControlFrames ?? 1000,
    maxConsecutiveInboundFramesWithEmptyPayload: message?.maxConsecutiveInboundFramesWithEmptyPayload ?? 1,
    maxInboundPriorityFramesPerStream: message?.maxInboundPriorityFramesPerStream ?? 100,
    maxInboundWindowUpdateFramesPerDataFrameSent: message?.maxInboundWindowUpdateFramesPerDataFrameSent ?? 10,
    ...(override === undefined ? {} : { overrideStreamErrorOnInvalidHttpMessage: override }),
    maxMetadataBytes: message?.allowMetadata ? Number(message.maxMetadataSize ?? MEBIBYTE) : -1,
    customSettings: custom.filter(([identifier]) => identifier > 6),
    ...(keepalive === undefined ? {} : { keepalive: readKeepalive(keepalive, at.field('connection_keepalive')) }),
    enableHuffmanEncoding: message?.enableHuffmanEncoding ?? true,
    maxHeaderFieldBytes: (message?.maxHeaderFieldSizeKb ?? LARGEST_FIELD_KB) * 1024,
    disallowObsText: message?.disallowObsText ?? false,
    streamResetBurst: Number(message?.streamResetBurst ?? 1000),
    streamResetRate: Number(message?.streamResetRate ?? 33),
  };
}

/** Each identifier once. */
function readCustomSettings(message: Http2Message, at: Place): [number, number][] {
  const place = at.field('custom_settings_parameters');
  const settings = new Map<number, number>();
  const inconsistent = new Set<number>();
  for (const [i, parameter] of message.customSettingsParameters.entries()) {
    checkSetting(parameter, place.index(i));
    const { identifier = 0, value = 0 } = parameter;
    if (identifier === ENABLE_PUSH && value !== 0) {
      throw place.problem('server push is not supported by Envoy and can not be enabled via a SETTINGS parameter.');
    }
    if (identifier === ENABLE_CONNECT_PROTOCOL) {
      throw place.problem('the "allow_connect" SETTINGS parameter must only be configured through the named field');
    }
    if ((settings.get(identifier) ?? value) !== value) inconsistent.add(identifier);
    settings.set(identifier, value);
  }
  if (inconsistent.size > 0) {
    const identifiers = [...inconsistent].map((identifier) => `0x${identifier.toString(16)}`);
    throw place.problem(
      `inconsistent HTTP/2 custom SETTINGS parameter(s) detected; identifiers = {${identifiers.join(',')}}`,
    );
  }
  const twice = NAMED.filter(({ identifier, value }) => value(message) !== undefined && settings.has(identifier))
    .sort((one, other) => TOLD.indexOf(one.identifier) - TOLD.indexOf(other.identifier))
    .map(({ field }) => field);
  if (twice.length > 0) {
    throw place.problem(
      `the {${twice.join(',')}} HTTP/2 SETTINGS parameter(s) can not be configured through both named and custom parameters`,
    );
  }
  return [...settings];
}

function readKeepalive(message: KeepaliveSettings, at: Place): Http2Keepalive {
  checkKeepalive(message, at);
  return {
    interval: millisecondsOr(message.interval, 0),
    timeout: millisecondsOr(message.timeout, 0),
    intervalJitterPercent: message.intervalJitter?.value ?? 15,
    connectionIdleInterval: millisecondsOr(message.connectionIdleInterval, 0),
  };
}
