/**
 * What is written down of one connection: what was read and written, when, and that it was closed; as it comes, or all of it at the end.
 * Follows envoy.data.tap.v3.SocketBufferedTrace and SocketStreamedTraceSegment.
 */
import type { TapConfig } from '#config/model/tap.ts';
import { clock } from '#proxy/transport/io-event.ts';
import { addressFields } from '#proxy/transport/tap/address-fields.ts';
import type { TapStats } from '#proxy/transport/tap/tap.ts';
import { type Fields, TraceFile } from '#proxy/transport/tap/trace-file.ts';

/** Whose bytes they are. Addresses as texts, such as they are when something is written down. */
export interface TappedConnection {
  readonly id: number;
  readonly localAddress: string;
  readonly remoteAddress: string;
}

export class SocketTap {
  private readonly config: TapConfig;
  private readonly stats: TapStats;
  private readonly connection: TappedConnection;
  private readonly file: TraceFile;
  private readonly traceId: bigint;
  /** Of the whole connection, or those that wait to be streamed together. */
  private events: Fields[] = [];
  private waitingBytes = 0;
  private readBytes = 0;
  private writtenBytes = 0;
  private readTruncated = false;
  private writeTruncated = false;
  private sequence = 0;

  constructor(config: TapConfig, stats: TapStats, connection: TappedConnection) {
    this.config = config;
    this.stats = stats;
    this.connection = connection;
    this.traceId = BigInt(connection.id);
    this.file = new TraceFile(config, this.traceId);
    if (!config.streaming) return;
    // Envoy loses the connection where it makes a text of what would be the body of an event.
    this.submit(config.format === 'JSON_BODY_AS_STRING' ? { event: {} } : { connection: this.who() });
    this.sequence = 1;
  }

  /** The first `count` of `bytes` were read. */
  onRead(count: number, bytes: Buffer): void {
    const { streaming, maxBufferedRxBytes } = this.config;
    if (streaming) return this.stream({ read: { data: this.body(bytes, count, maxBufferedRxBytes) } }, count);
    if (this.readTruncated) return;
    const room = maxBufferedRxBytes - this.readBytes;
    this.readTruncated = count > room;
    this.readBytes += Math.min(count, room);
    this.keep({ read: { data: this.body(bytes, count, room) } });
  }

  /** `bytes` were written, or wait to be. */
  onWrite(bytes: Buffer): void {
    const { streaming, maxBufferedTxBytes } = this.config;
    const count = bytes.length;
    if (streaming) {
      return this.stream({ write: { data: this.body(bytes, count, maxBufferedTxBytes), end_stream: false } }, count);
    }
    if (this.writeTruncated) return;
    const room = maxBufferedTxBytes - this.writtenBytes;
    this.writeTruncated = count > room;
    this.writtenBytes += Math.min(count, room);
    this.keep({ write: { data: this.body(bytes, count, room), end_stream: false } });
  }

  /** The connection is gone; called once. */
  onClose(): void {
    if (this.config.streaming) {
      this.sequence++;
      this.stream({ closed: {} }, 0);
      this.submitWaiting();
    } else {
      this.stats.bufferedSubmit.inc();
      this.file.write({
        socket_buffered_trace: {
          trace_id: String(this.traceId),
          connection: this.who(),
          events: this.events,
          read_truncated: this.readTruncated,
          write_truncated: this.writeTruncated,
        },
      });
    }
    this.file.close();
  }

  private body(bytes: Buffer, count: number, limit: number): Fields {
    const kept = Math.min(count, limit);
    const truncated = kept < count;
    return this.config.format === 'JSON_BODY_AS_STRING'
      ? { as_string: bytes.toString('utf8', 0, kept), truncated }
      : { as_bytes: bytes.toString('base64', 0, kept), truncated };
  }

  private keep(what: Fields): void {
    this.events.push({ timestamp: now(), ...what });
  }

  private stream(what: Fields, count: number): void {
    const { connectionPerEvent, minStreamedSentBytes } = this.config;
    const event = {
      timestamp: now(),
      ...what,
      ...(connectionPerEvent ? { connection: this.who() } : {}),
      seq_num: String(this.sequence),
    };
    this.sequence += count;
    if (minStreamedSentBytes === 0) return this.submit({ event });
    this.events.push(event);
    this.waitingBytes += count;
    if (this.waitingBytes >= minStreamedSentBytes) this.submitWaiting();
  }

  private submitWaiting(): void {
    if (this.events.length === 0) return;
    this.submit({ events: { events: this.events } });
    this.events = [];
    this.waitingBytes = 0;
  }

  private submit(piece: Fields): void {
    this.stats.streamedSubmit.inc();
    this.file.write({ socket_streamed_trace_segment: { trace_id: String(this.traceId), ...piece } });
  }

  private who(): Fields {
    const { localAddress, remoteAddress } = this.connection;
    return {
      // A connection that is being made has none yet.
      ...(localAddress === '' ? {} : { local_address: addressFields(localAddress) }),
      remote_address: addressFields(remoteAddress),
    };
  }
}

function now(): string {
  return new Date(clock.wall()).toISOString();
}
