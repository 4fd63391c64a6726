/**
 * What a client's session of a cluster is told. Follows config.core.v3.Http2ProtocolOptions.
 */
import type { ClusterConfig } from '#config/model/cluster.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';

const FRAME_SIZE = 16_384;

export function clientSessionOptions(
  { http: { http2 }, perConnectionBufferLimitBytes }: ClusterConfig,
  { headBytesLimit, maxHeadersCount }: { headBytesLimit: number; maxHeadersCount: number },
): SessionOptions {
  return {
    role: 'client',
    headerTableSize: http2.hpackTableSize,
    maxConcurrentStreams: http2.maxConcurrentStreams,
    initialStreamWindow: http2.initialStreamWindowSize,
    initialConnectionWindow: http2.initialConnectionWindowSize,
    maxFrameSize: FRAME_SIZE,
    maxHeaderListBytes: headBytesLimit,
    maxHeadersCount,
    maxHeaderFieldBytes: http2.maxHeaderFieldBytes,
    disallowObsText: http2.disallowObsText,
    huffman: http2.enableHuffmanEncoding,
    allowConnect: http2.allowConnect,
    streamErrorOnInvalidMessage: http2.overrideStreamErrorOnInvalidHttpMessage ?? false,
    streamBufferLimit: Math.min(http2.initialStreamWindowSize, perConnectionBufferLimitBytes),
    customSettings: http2.customSettings,
    flood: http2,
    now: () => clock.now(),
  };
}
