/**
 * What a peer did that it may not do: the error code that answers it, and how it is told in logs. Each is one constant: saying what went
 * wrong makes no object.
 */
import { ErrorCode } from '#wire/http2/error-code.ts';

/** What kind of rule was broken; the proxy turns it into stats and response-code details. */
export type ViolationKind =
  /** Framing, states, sizes, windows (RFC 9113, sections 3 to 6). */
  | 'protocol'
  /** A header block that HPACK cannot read (RFC 7541). */
  | 'compression'
  /** A field's name or value has characters that may not stand there (RFC 9113, section 8.2.1). */
  | 'header'
  /** Pseudo headers, fields of connections, lengths (RFC 9113, sections 8.1 to 8.3). */
  | 'messaging'
  /** A body is not as long as content-length says (RFC 9113, section 8.1.1). */
  | 'body-length'
  /** More fields than we take, or longer ones. */
  | 'too-many-headers'
  | 'too-large-headers'
  /** The stream is one more than may be open. */
  | 'refused'
  /** Too many frames wait to be sent, because the peer asks and does not read. */
  | 'outbound-flood'
  | 'outbound-control-flood'
  | 'inbound-empty-frames-flood'
  | 'inbound-priority-frames-flood'
  | 'inbound-window-update-frames-flood'
  | 'continuation-flood'
  | 'reset-flood';

export interface Violation {
  readonly kind: ViolationKind;
  /** One of ErrorCode. */
  readonly code: number;
  readonly text: string;
}

function violation(kind: ViolationKind, code: number, text: string): Violation {
  return { kind, code, text };
}

const { ProtocolError, FlowControlError, StreamClosed, FrameSizeError, RefusedStream, CompressionError } = ErrorCode;
const { EnhanceYourCalm, InternalError } = ErrorCode;

export const Violations = {
  BadPreface: violation('protocol', ProtocolError, 'the connection does not begin with the preface of HTTP/2'),
  FrameTooLarge: violation('protocol', FrameSizeError, 'a frame is larger than SETTINGS_MAX_FRAME_SIZE'),
  BadFrameSize: violation('protocol', FrameSizeError, 'a frame has a length that its type cannot have'),
  BadPadding: violation('protocol', ProtocolError, 'a frame has more padding than payload'),
  BadStreamId: violation('protocol', ProtocolError, 'a frame has a stream identifier that it may not have'),
  IdleStream: violation('protocol', ProtocolError, 'a frame came for a stream that was never opened'),
  ClosedStream: violation('protocol', StreamClosed, 'a frame came for a stream that is closed'),
  ContinuationExpected: violation('protocol', ProtocolError, 'a header block is not whole, and another frame came'),
  UnexpectedContinuation: violation('protocol', ProtocolError, 'CONTINUATION came without a header block begun'),
  PushRefused: violation('protocol', ProtocolError, 'PUSH_PROMISE came, which is never asked for'),
  BadSetting: violation('protocol', ProtocolError, 'a setting has a value that it cannot have'),
  BadWindowSetting: violation('protocol', FlowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE is too large'),
  ZeroWindowUpdate: violation('protocol', ProtocolError, 'WINDOW_UPDATE by 0'),
  WindowOverflow: violation('protocol', FlowControlError, 'a flow-control window grew too large'),
  WindowExceeded: violation('protocol', FlowControlError, 'more data came than the window allows'),
  SelfDependency: violation('protocol', ProtocolError, 'a stream depends on itself'),
  SettingsFirst: violation('protocol', ProtocolError, 'the first frame is not SETTINGS'),
  Compression: violation('compression', CompressionError, 'a header block cannot be decompressed'),
  BadField: violation('header', ProtocolError, 'a header has characters that may not stand there'),
  BadPath: violation('messaging', ProtocolError, 'the path does not begin with a slash'),
  BadPseudoHeader: violation('header', ProtocolError, 'the pseudo headers are not those of such a message'),
  MissingPseudoHeader: violation('messaging', ProtocolError, 'a pseudo header that has to be there is not'),
  ConnectionField: violation('header', ProtocolError, 'a header belongs to HTTP/1 connections'),
  BadLength: violation('messaging', ProtocolError, 'content-length is not that of the body'),
  BadBodyLength: violation('body-length', ProtocolError, 'the body is not as long as content-length says'),
  BadMetadata: violation('protocol', ProtocolError, 'METADATA is too large, or cannot be decompressed'),
  TrailersWithoutEnd: violation('messaging', ProtocolError, 'trailers do not end their stream'),
  BadInterim: violation('messaging', ProtocolError, 'an informational response that may not be there'),
  BodyBeforeHead: violation('messaging', ProtocolError, 'data came before the head of the response'),
  TooManyHeaders: violation('too-many-headers', InternalError, 'there are more headers than are taken'),
  TooLargeHeaders: violation('too-large-headers', InternalError, 'the headers are larger than are taken'),
  TooManyStreams: violation('refused', RefusedStream, 'more streams than SETTINGS_MAX_CONCURRENT_STREAMS'),
  OutboundFrames: violation('outbound-flood', EnhanceYourCalm, 'Too many frames in the outbound queue.'),
  OutboundControlFrames: violation(
    'outbound-control-flood',
    EnhanceYourCalm,
    'Too many control frames in the outbound queue.',
  ),
  EmptyFrames: violation(
    'inbound-empty-frames-flood',
    EnhanceYourCalm,
    'Too many consecutive frames with an empty payload',
  ),
  PriorityFrames: violation('inbound-priority-frames-flood', EnhanceYourCalm, 'Too many PRIORITY frames'),
  WindowUpdateFrames: violation('inbound-window-update-frames-flood', EnhanceYourCalm, 'Too many WINDOW_UPDATE frames'),
  Resets: violation('reset-flood', EnhanceYourCalm, 'too many streams are reset'),
  Continuations: violation('continuation-flood', EnhanceYourCalm, 'a header block is in too many pieces'),
} as const;
