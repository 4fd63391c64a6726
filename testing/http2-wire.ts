/**
 * A client or server that speaks raw HTTP/2 frames: what a test sends is on the wire as it stands, and what comes back is a line a frame.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { frame } from '#testing/recorded-session.ts';
import type { WireClient } from '#testing/wire-client.ts';
import { errorCodeName } from '#wire/http2/error-code.ts';
import { CLIENT_PREFACE } from '#wire/http2/frame.ts';
import { HpackDecoder } from '#wire/http2/hpack-decoder.ts';
import { HpackEncoder } from '#wire/http2/hpack-encoder.ts';
import { OutputBuffer } from '#wire/http2/output-buffer.ts';

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;

const TYPES = ['DATA', 'HEADERS', 'PRIORITY', 'RST_STREAM', 'SETTINGS', 'PUSH_PROMISE', 'PING', 'GOAWAY'];
TYPES.push('WINDOW_UPDATE', 'CONTINUATION');

/** A response, or what there is of it. */
export interface Http2Answer {
  headers: Record<string, string>;
  interim: Record<string, string>[];
  body: string;
  trailers: Record<string, string> | undefined;
  /** `end`, the code of RST_STREAM, or `open`. */
  ending: string;
}

export class Http2Wire {
  readonly wire: WireClient;
  /** A line for each frame that came. */
  readonly frames: string[] = [];
  private readonly answers = new Map<number, Http2Answer>();
  private readonly decoder = new HpackDecoder();
  private readonly out = new OutputBuffer();
  private readonly encoder = new HpackEncoder(this.out);
  private read = 0;
  private block: Buffer[] = [];
  /** The stream of the next request. */
  nextId = 1;

  constructor(wire: WireClient) {
    this.wire = wire;
  }

  /** Sends the preface and SETTINGS. @param settings identifier and value of each */
  async start(settings: readonly [number, number][] = []): Promise<this> {
    const pairs = Buffer.alloc(settings.length * 6);
    settings.forEach(([id, value], i) => {
      pairs.writeUInt16BE(id, i * 6);
      pairs.writeUInt32BE(value, i * 6 + 2);
    });
    await this.wire.send(
      Buffer.concat([Buffer.from(CLIENT_PREFACE), frame(SETTINGS, 0, 0, pairs), frame(SETTINGS, ACK, 0)]),
    );
    return this;
  }

  frame(type: number, flags: number, id: number, payload: string | Uint8Array = ''): Promise<void> {
    return this.wire.send(frame(type, flags, id, payload));
  }

  /** A header block of these fields. */
  encode(fields: readonly (readonly [string, string])[]): Buffer {
    this.encoder.begin(this.out.length);
    for (const [name, value] of fields) this.encoder.field(name, value);
    const chunk = this.out.take();
    return chunk === undefined ? Buffer.alloc(0) : Buffer.from(chunk.bytes.subarray(0, chunk.length));
  }

  /** Sends a request's HEADERS: `GET /path`, and more fields; a field whose name is a pseudo header's stands in its place. @returns its stream */
  async request(line = 'GET /', more: Record<string, string> = {}, flags = END_STREAM): Promise<number> {
    const id = this.nextId;
    this.nextId += 2;
    const [method, path] = line.split(' ');
    const pseudo = { ':method': method, ':scheme': 'http', ':authority': 'example.test', ':path': path };
    const fields = Object.entries({ ...pseudo, ...more }).filter(([, value]) => value !== '-');
    await this.frame(HEADERS, END_HEADERS | flags, id, this.encode(fields));
    return id;
  }

  /** Waits for the end of a stream, or of the connection. */
  async answer(id: number, patience = this.wire.patience): Promise<Http2Answer> {
    await this.until(() => this.stream(id).ending !== 'open', patience);
    return this.stream(id);
  }

  /** Waits for a frame whose line matches. @returns whether it came */
  saw(pattern: RegExp, patience = this.wire.patience): Promise<boolean> {
    return this.until(() => this.frames.some((line) => pattern.test(line)), patience);
  }

  /** Waits for the end of the connection. @returns how, or `open` */
  async closed(patience = this.wire.patience): Promise<string> {
    await this.until(() => false, patience);
    return this.wire.ending ?? 'open';
  }

  /** Waits until it is so, or the connection is over. */
  private async until(done: () => boolean, patience: number): Promise<boolean> {
    const last = performance.now() + patience;
    for (;;) {
      this.parse();
      if (done()) return true;
      if (this.wire.ending !== undefined || performance.now() > last) {
        this.parse();
        return done();
      }
      await wait(2);
    }
  }

  stream(id: number): Http2Answer {
    let answer = this.answers.get(id);
    if (answer === undefined) {
      answer = { headers: {}, interim: [], body: '', trailers: undefined, ending: 'open' };
      this.answers.set(id, answer);
    }
    return answer;
  }

  /** Reads the frames that came. */
  parse(): void {
    const bytes = Buffer.from(this.wire.received, 'latin1');
    while (bytes.length - this.read >= 9) {
      const length = bytes.readUIntBE(this.read, 3);
      if (bytes.length - this.read < 9 + length) return;
      const type = bytes[this.read + 3];
      const flags = bytes[this.read + 4];
      const id = bytes.readUInt32BE(this.read + 5);
      const payload = bytes.subarray(this.read + 9, this.read + 9 + length);
      this.read += 9 + length;
      this.onFrame(type, flags, id, payload);
    }
  }

  private onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    let line = `${TYPES[type] ?? type} ${id}`;
    const ends = (flags & END_STREAM) !== 0;
    switch (type) {
      case DATA:
        this.stream(id).body += payload.latin1Slice();
        if (ends) this.stream(id).ending = 'end';
        line += ` ${payload.length}${ends ? ' end' : ''}`;
        break;
      case HEADERS:
      case CONTINUATION:
        this.block.push(payload);
        if ((flags & END_HEADERS) !== 0) line += ` ${JSON.stringify(this.onBlock(id))}`;
        if (type === HEADERS && ends) {
          this.stream(id).ending = 'end';
          line += ' end';
        }
        break;
      case RST_STREAM:
        this.stream(id).ending = errorCodeName(payload.readUInt32BE(0));
        line += ` ${this.stream(id).ending}`;
        break;
      case SETTINGS:
        if ((flags & ACK) !== 0) line += ' ack';
        for (let at = 0; at < payload.length; at += 6)
          line += ` ${payload.readUInt16BE(at)}=${payload.readUInt32BE(at + 2)}`;
        break;
      case PING:
        line += ends ? ' ack' : '';
        break;
      case GOAWAY:
        line += ` last=${payload.readUInt32BE(0)} ${errorCodeName(payload.readUInt32BE(4))} ${payload.latin1Slice(8)}`;
        break;
      case WINDOW_UPDATE:
        line += ` ${payload.readUInt32BE(0)}`;
    }
    this.frames.push(line.trimEnd());
  }

  private onBlock(id: number): Record<string, string> {
    const block = Buffer.concat(this.block);
    this.block = [];
    const fields: Record<string, string> = {};
    this.decoder.decode(block, 0, block.length, {
      onField: (_kind, name, value) => {
        fields[name] = name in fields ? `${fields[name]}, ${value}` : value;
      },
    });
    const answer = this.stream(id);
    if (fields[':status']?.startsWith('1')) answer.interim.push(fields);
    else if (fields[':status'] !== undefined) answer.headers = fields;
    else answer.trailers = fields;
    return fields;
  }
}
