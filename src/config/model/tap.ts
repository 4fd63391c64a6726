/**
 * What is written down of the bytes of connections. Follows envoy.extensions.transport_sockets.tap.v3.Tap and envoy.config.tap.v3.
 */
import type { RuntimeFraction } from './matchers.ts';

export const TAP_FORMATS = [
  'JSON_BODY_AS_BYTES',
  'JSON_BODY_AS_STRING',
  'PROTO_BINARY',
  'PROTO_BINARY_LENGTH_DELIMITED',
  'PROTO_TEXT',
] as const;

export type TapFormat = (typeof TAP_FORMATS)[number];

export interface TapConfig {
  /** What `match` comes to: connections have no headers and bodies that could be matched. */
  matches: boolean;
  /** The share of connections that is tapped; undefined: all. */
  enabled: RuntimeFraction | undefined;
  /** A file for each connection: this, `_`, the connection's number, and an extension for the format. */
  pathPrefix: string;
  format: TapFormat;
  /** Bytes that are kept of what is read: of a connection, or of each event where it is streamed. */
  maxBufferedRxBytes: number;
  maxBufferedTxBytes: number;
  /** Each event is written as it comes; else all of them when the connection is closed. */
  streaming: boolean;
  /** Events wait until they have this many bytes together; 0: they do not wait. */
  minStreamedSentBytes: number;
  /** Each event says whose it is. */
  connectionPerEvent: boolean;
  /** Below `transport.tap.`; may be empty. */
  statsPrefix: string;
}
