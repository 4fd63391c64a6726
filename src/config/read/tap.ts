/**
 * The tap around a transport. Follows envoy.extensions.transport_sockets.tap.v3.Tap, envoy.extensions.common.tap.v3 and envoy.config.tap.v3.
 */
import type { Place } from '#api/place.ts';
import { TAP_FORMATS, type TapConfig } from '#config/model/tap.ts';
import { readRuntimeFraction } from '#config/read/matchers.ts';
import { honours } from '#config/read/support.ts';
import type { MatchPredicate as CommonPredicate } from '#envoy/config/common/matcher/v3/matcher_pb.js';
import type { MatchPredicate, OutputConfig, TapConfig as TapConfigMessage } from '#envoy/config/tap/v3/common_pb.js';
import type { CommonExtensionConfig } from '#envoy/extensions/common/tap/v3/common_pb.js';
import type { Tap } from '#envoy/extensions/transport_sockets/tap/v3/tap_pb.js';

export const TAP = 'envoy.extensions.transport_sockets.tap.v3.Tap';
const DEFAULT_LIMIT = 1024;
const DEFAULT_MIN_STREAMED = 9;

const check = honours(TAP, ['common_config', 'transport_socket', 'socket_tap_config']);
const checkSocket = honours('envoy.extensions.transport_sockets.tap.v3.SocketTapConfig', [
  'set_connection_per_event',
  'stats_prefix',
]);
const checkCommon = honours('envoy.extensions.common.tap.v3.CommonExtensionConfig', ['static_config'], {
  refused: { admin_config: 'taps are not changed over the admin API; write static_config' },
});
const checkConfig = honours('envoy.config.tap.v3.TapConfig', ['match', 'match_config', 'output_config', 'tap_enabled']);
const checkOutput = honours('envoy.config.tap.v3.OutputConfig', [
  'sinks',
  'max_buffered_rx_bytes',
  'max_buffered_tx_bytes',
  'streaming',
  'min_streamed_sent_bytes',
]);
const checkSink = honours('envoy.config.tap.v3.OutputSink', ['format', 'file_per_tap'], {
  refused: {
    streaming_admin: 'it is for taps of the admin API',
    buffered_admin: 'it is for taps of the admin API',
    streaming_grpc: 'Envoy does not implement it either',
    custom_sink: 'no such extension runs here',
  },
});
const checkFile = honours('envoy.config.tap.v3.FilePerTapSink', ['path_prefix']);

/** @throws PlacedError for a sink that is not ours */
export function readTap(message: Tap, at: Place): TapConfig {
  check(message, at);
  const { commonConfig, socketTapConfig } = message;
  if (socketTapConfig !== undefined) checkSocket(socketTapConfig, at.field('socket_tap_config'));
  return {
    ...readCommon(commonConfig, at.field('common_config')),
    connectionPerEvent: socketTapConfig?.setConnectionPerEvent ?? false,
    statsPrefix: socketTapConfig?.statsPrefix ?? '',
  };
}

function readCommon(
  message: CommonExtensionConfig | undefined,
  at: Place,
): Omit<TapConfig, 'connectionPerEvent' | 'statsPrefix'> {
  if (message !== undefined) checkCommon(message, at);
  if (message?.configType.case !== 'staticConfig') throw at.field('static_config').missing();
  return readConfig(message.configType.value, at.field('static_config'));
}

function readConfig(message: TapConfigMessage, at: Place): Omit<TapConfig, 'connectionPerEvent' | 'statsPrefix'> {
  checkConfig(message, at);
  const { match, matchConfig, tapEnabled, outputConfig } = message;
  const predicate = match ?? matchConfig;
  if (predicate === undefined) throw at.problem('Neither match nor match_config is set in TapConfig');
  if (outputConfig === undefined) throw at.field('output_config').missing();
  return {
    matches: matchesConnections(predicate),
    enabled: tapEnabled === undefined ? undefined : readRuntimeFraction(tapEnabled),
    ...readOutput(outputConfig, at.field('output_config')),
  };
}

function readOutput(message: OutputConfig, at: Place) {
  checkOutput(message, at);
  const [sink] = message.sinks;
  const place = at.field('sinks').index(0);
  checkSink(sink, place);
  if (sink.outputSinkType.case !== 'filePerTap') throw place.field('file_per_tap').missing();
  checkFile(sink.outputSinkType.value, place.field('file_per_tap'));
  return {
    pathPrefix: sink.outputSinkType.value.pathPrefix,
    format: TAP_FORMATS[sink.format] ?? 'JSON_BODY_AS_BYTES',
    maxBufferedRxBytes: message.maxBufferedRxBytes ?? DEFAULT_LIMIT,
    maxBufferedTxBytes: message.maxBufferedTxBytes ?? DEFAULT_LIMIT,
    streaming: message.streaming,
    minStreamedSentBytes:
      message.minStreamedSentBytes === undefined ? 0 : Math.max(message.minStreamedSentBytes, DEFAULT_MIN_STREAMED),
  };
}

/** What the predicate comes to for bytes: whatever asks for headers or bodies of HTTP never holds. */
function matchesConnections({ rule }: MatchPredicate | CommonPredicate): boolean {
  switch (rule.case) {
    case 'anyMatch':
      return true;
    case 'andMatch':
      return rule.value.rules.every(matchesConnections);
    case 'orMatch':
      return rule.value.rules.some(matchesConnections);
    case 'notMatch':
      return !matchesConnections(rule.value);
    default:
      return false;
  }
}
