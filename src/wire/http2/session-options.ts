/**
 * What an HTTP/2 session is told about itself. Limits and windows are the caller's: see config.core.v3.Http2ProtocolOptions.
 */

/** How much of what costs us more than the peer is put up with. Follows config.core.v3.Http2ProtocolOptions. */
export interface FloodLimits {
  /** Frames of any kind that wait for the peer to read them. */
  maxOutboundFrames: number;
  /** Of these: answers to PING and SETTINGS, and RST_STREAM. */
  maxOutboundControlFrames: number;
  maxConsecutiveInboundFramesWithEmptyPayload: number;
  maxInboundPriorityFramesPerStream: number;
  maxInboundWindowUpdateFramesPerDataFrameSent: number;
  /** RST_STREAM frames that the peer may send at once, and how many more each second. */
  streamResetBurst: number;
  streamResetRate: number;
}

export interface SessionOptions {
  role: 'server' | 'client';
  /** SETTINGS_HEADER_TABLE_SIZE for the peer's encoder; our own encoder uses no more than this either. */
  headerTableSize: number;
  /** How many streams the peer may have open; for clients, of pushed ones there are none. */
  maxConcurrentStreams: number;
  /** Bytes that a stream may send us before we take them. */
  initialStreamWindow: number;
  /** The same for all streams together. */
  initialConnectionWindow: number;
  /** Largest payload of a frame that we take: at least 16384. */
  maxFrameSize: number;
  /** Sum of names and values of a head or of trailers, and 32 for each field (RFC 9113, section 6.5.2). */
  maxHeaderListBytes: number;
  maxHeadersCount: number;
  /** Bytes of one name and value together. */
  maxHeaderFieldBytes: number;
  /** Values are ASCII only (RFC 9110, section 5.5: obs-text). */
  disallowObsText: boolean;
  /** Text goes in whichever form is shorter; else as it is. */
  huffman: boolean;
  /** Servers: extended CONNECT is allowed (RFC 8441). */
  allowConnect: boolean;
  /** A bad message costs its stream only, not the connection (override_stream_error_on_invalid_http_message). */
  streamErrorOnInvalidMessage: boolean;
  /** Bytes of one stream that wait for the peer's window; above it the sender hears `onStreamBlocked`. */
  streamBufferLimit: number;
  /** Bytes of METADATA that the peer may send on a stream; below 0: such frames are neither read nor sent. */
  maxMetadataBytes: number;
  /** Settings sent besides our own: `[identifier, value]`. */
  customSettings: readonly (readonly [number, number])[];
  flood: FloodLimits;
  /** The time in milliseconds, from any point on. */
  now: () => number;
}

/** Envoy 1.40's defaults. */
export const DEFAULT_FLOOD_LIMITS: FloodLimits = {
  maxOutboundFrames: 10_000,
  maxOutboundControlFrames: 1000,
  maxConsecutiveInboundFramesWithEmptyPayload: 1,
  maxInboundPriorityFramesPerStream: 100,
  maxInboundWindowUpdateFramesPerDataFrameSent: 10,
  streamResetBurst: 1000,
  streamResetRate: 33,
};
