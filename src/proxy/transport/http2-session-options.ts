/**
 * What a session of HTTP/2 is told, from the configuration. Follows config.core.v3.Http2ProtocolOptions.
 */
import type { Http2ProtocolOptions } from '#config/model/http-connection-manager.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { SessionOptions } from '#wire/http2/session-options.ts';

/** What the options of HTTP/2 do not say. */
export interface SessionLimits {
  role: SessionOptions['role'];
  maxHeaderListBytes: number;
  maxHeadersCount: number;
  /** Where override_stream_error_on_invalid_http_message is not set. */
  streamErrorOnInvalidMessage: boolean;
  /** per_connection_buffer_limit_bytes. */
  bufferLimit: number;
}

const LARGEST_FRAME = 16_384;
const now = () => clock.now();

/** Made once for all connections of a listener or cluster. */
export function http2SessionOptions(http2: Http2ProtocolOptions, limits: SessionLimits): SessionOptions {
  return {
    role: limits.role,
    headerTableSize: http2.hpackTableSize,
    maxConcurrentStreams: http2.maxConcurrentStreams,
    initialStreamWindow: http2.initialStreamWindowSize,
    initialConnectionWindow: http2.initialConnectionWindowSize,
    maxFrameSize: LARGEST_FRAME,
    maxHeaderListBytes: limits.maxHeaderListBytes,
    maxHeadersCount: limits.maxHeadersCount,
    maxHeaderFieldBytes: http2.maxHeaderFieldBytes,
    disallowObsText: http2.disallowObsText,
    huffman: http2.enableHuffmanEncoding,
    allowConnect: http2.allowConnect,
    streamErrorOnInvalidMessage: http2.overrideStreamErrorOnInvalidHttpMessage ?? limits.streamErrorOnInvalidMessage,
    streamBufferLimit: Math.min(http2.initialStreamWindowSize, limits.bufferLimit),
    maxMetadataBytes: http2.maxMetadataBytes,
    customSettings: http2.customSettings,
    flood: http2,
    now,
  };
}
