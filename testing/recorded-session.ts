/**
 * An HTTP/2 session whose events are written down, one line each, and two of them back to back.
 */
import assert from 'node:assert/strict';
import { Headers } from '#wire/headers.ts';
import { errorCodeName } from '#wire/http2/error-code.ts';
import type { MessageHead } from '#wire/http2/message-head.ts';
import type { MetadataFields } from '#wire/http2/metadata-frames.ts';
import { giveBack } from '#wire/http2/output-buffer.ts';
import { Session } from '#wire/http2/session.ts';
import type { SessionEvents } from '#wire/http2/session-events.ts';
import { DEFAULT_FLOOD_LIMITS, type SessionOptions } from '#wire/http2/session-options.ts';
import type { Stream } from '#wire/http2/stream.ts';
import type { Violation } from '#wire/http2/violation.ts';

export const sessionOptions = (role: SessionOptions['role'], more: Partial<SessionOptions> = {}): SessionOptions => ({
  role,
  headerTableSize: 4096,
  maxConcurrentStreams: 100,
  initialStreamWindow: 65_535,
  initialConnectionWindow: 65_535,
  maxFrameSize: 16_384,
  maxHeaderListBytes: 60 * 1024,
  maxHeadersCount: 100,
  maxHeaderFieldBytes: 64 * 1024,
  disallowObsText: false,
  huffman: true,
  allowConnect: true,
  streamErrorOnInvalidMessage: true,
  streamBufferLimit: 1024 * 1024,
  maxMetadataBytes: 100,
  customSettings: [],
  flood: DEFAULT_FLOOD_LIMITS,
  now: () => 0,
  ...more,
});

/** What one stream has brought. */
export interface Received {
  id: number;
  head: string;
  fields: [string, string][];
  body: Buffer;
  trailers: [string, string][] | undefined;
  ended: boolean;
  failure: string;
  blocked: boolean;
  stream: Stream<Received>;
}

export class RecordedSession implements SessionEvents<Received> {
  readonly session: Session<Received>;
  /** Every stream that was seen, by identifier. */
  readonly received = new Map<number, Received>();
  readonly log: string[] = [];
  failure: Violation | undefined = undefined;
  /** Called for each head, after it was written down. */
  onRequest: ((received: Received) => void) | undefined = undefined;

  constructor(options: SessionOptions) {
    this.session = new Session(options, this);
    this.session.start();
  }

  private note(stream: Stream<Received>): Received {
    assert.ok(stream.owner);
    assert.equal(stream.owner.id, stream.id);
    return stream.owner;
  }

  onStream(stream: Stream<Received>): void {
    assert.ok(!this.received.has(stream.id));
    this.adopt(stream);
  }

  private adopt(stream: Stream<Received>): Received {
    const received: Received = {
      id: stream.id,
      head: '',
      fields: [],
      body: Buffer.alloc(0),
      trailers: undefined,
      ended: false,
      failure: '',
      blocked: false,
      stream,
    };
    stream.owner = received;
    this.received.set(stream.id, received);
    return received;
  }

  open(): Received | undefined {
    const stream = this.session.open(undefined as unknown as Received, new Headers());
    return stream === undefined ? undefined : this.adopt(stream);
  }

  onHead(stream: Stream<Received>, head: MessageHead, end: boolean): void {
    const received = this.note(stream);
    assert.equal(received.head, '');
    received.head =
      head.status > 0 ? String(head.status) : `${head.method} ${head.scheme}://${head.authority}${head.path}`;
    if (head.protocol !== '') received.head += ` ${head.protocol}`;
    received.fields = stream.headers.entries();
    received.ended = end;
    this.log.push(`${stream.id} head ${received.head}${end ? ' end' : ''}`);
    this.onRequest?.(received);
  }

  onInterim(stream: Stream<Received>, status: number): void {
    this.log.push(`${stream.id} interim ${status} ${JSON.stringify(stream.headers.entries())}`);
  }

  onData(stream: Stream<Received>, bytes: Buffer, start: number, end: number, last: boolean): void {
    const received = this.note(stream);
    assert.ok(!received.ended && received.failure === '' && received.head !== '');
    assert.ok(start <= end && end <= bytes.length);
    received.body = Buffer.concat([received.body, bytes.subarray(start, end)]);
    received.ended = last;
    if (last) this.log.push(`${stream.id} data end`);
  }

  onTrailers(stream: Stream<Received>, trailers: Headers): void {
    const received = this.note(stream);
    assert.ok(!received.ended && received.failure === '');
    received.trailers = trailers.entries();
    received.ended = true;
    this.log.push(`${stream.id} trailers`);
  }

  onMetadata(stream: Stream<Received>, fields: MetadataFields): void {
    const received = this.note(stream);
    assert.ok(!received.ended && received.failure === '');
    this.log.push(`${stream.id} metadata ${JSON.stringify([...fields])}`);
  }

  onReset(stream: Stream<Received>, code: number): void {
    this.over(stream, `reset ${errorCodeName(code)}`);
  }

  onStreamError(stream: Stream<Received>, violation: Violation): void {
    this.over(stream, `error ${violation.text}`);
  }

  private over(stream: Stream<Received>, failure: string): void {
    const received = this.note(stream);
    assert.equal(received.failure, '');
    assert.ok(stream.closed && !this.session.streams.has(stream.id));
    received.failure = failure;
    this.log.push(`${stream.id} ${failure}`);
  }

  onStreamBlocked(stream: Stream<Received>, blocked: boolean): void {
    this.note(stream).blocked = blocked;
    this.log.push(`${stream.id} ${blocked ? 'blocked' : 'unblocked'}`);
  }

  onStreamClosed(stream: Stream<Received>): void {
    assert.ok(stream.closed && !this.session.streams.has(stream.id));
    this.log.push(`${stream.id} closed`);
  }

  onGoaway(lastStreamId: number, code: number, debug: string): void {
    this.log.push(`goaway ${lastStreamId} ${errorCodeName(code)}${debug === '' ? '' : ` ${debug}`}`);
  }

  onSettings(): void {
    this.log.push('settings');
  }

  onPingAck(): void {
    this.log.push('ping ack');
  }

  onConnectionError(violation: Violation): void {
    assert.equal(this.failure, undefined);
    this.failure = violation;
    this.log.push(`connection error: ${violation.text}`);
  }

  onOutput(): void {
    this.log.push('output');
  }

  onOutputFull(): void {
    this.log.push('full');
  }

  /** What it has to send, taken. */
  output(): Buffer {
    const pieces: Buffer[] = [];
    for (let chunk = this.session.takeOutput(); chunk !== undefined; chunk = this.session.takeOutput()) {
      pieces.push(Buffer.from(chunk.bytes.subarray(0, chunk.length)));
      this.session.sent(chunk.frames);
      giveBack(chunk.bytes);
    }
    return Buffer.concat(pieces);
  }

  /** Lets it read bytes, cut into pieces of these sizes, the last one as large as need be. */
  read(bytes: Buffer, sizes: readonly number[] = []): boolean {
    let pos = 0;
    for (let i = 0; pos < bytes.length; i++) {
      const end = Math.min(bytes.length, pos + (sizes[i] ?? bytes.length));
      // Each piece stands elsewhere in a buffer of its own, which is another's as soon as it is read.
      const piece = Buffer.concat([Buffer.alloc(i % 3), bytes.subarray(pos, end), Buffer.from('more')]);
      const goesOn = this.session.receive(piece, i % 3, (i % 3) + end - pos);
      piece.fill(0xaa);
      if (!goesOn) return false;
      pos = end;
    }
    return true;
  }

  /** What ended the connection, in words; '' where nothing did. */
  get error(): string {
    return this.failure?.text ?? '';
  }

  /** The events but for `output`. */
  get events(): string[] {
    return this.log.filter((line) => line !== 'output' && line !== 'full');
  }
}

/** A client and a server with nothing but memory between them. */
export class SessionPair {
  readonly client: RecordedSession;
  readonly server: RecordedSession;

  constructor(client: Partial<SessionOptions> = {}, server: Partial<SessionOptions> = {}) {
    this.client = new RecordedSession(sessionOptions('client', client));
    this.server = new RecordedSession(sessionOptions('server', server));
  }

  /** Carries bytes until neither has any. @param sizes how they are cut */
  settle(sizes: readonly number[] = []): void {
    for (;;) {
      const up = this.client.output();
      const down = this.server.output();
      if (up.length + down.length === 0) return;
      this.server.read(up, sizes);
      this.client.read(down, sizes);
    }
  }

  /** Sends a request's head. */
  request(method = 'GET', path = '/', fields: [string, string][] = [], end = true): Received {
    const received = this.client.open();
    assert.ok(received, 'there is room for a stream');
    const head = { method, scheme: 'http', authority: 'a.test', path, protocol: '' };
    this.client.session.sendRequest(received.stream, head, headersOf(fields), end);
    return received;
  }
}

export function headersOf(fields: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.add(name, value);
  return headers;
}

/** A frame as its parts say, right or wrong. */
export function frame(type: number, flags: number, id: number, payload: string | Uint8Array = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}
