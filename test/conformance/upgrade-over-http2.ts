/**
 * A stream of extended CONNECT (RFC 8441) that looks like a connection of HTTP/1.1, for a WebSocket library that knows no other: the first
 * head that it writes becomes the stream's, what the peer answers becomes a head again, and what follows passes as it is.
 */
import { createHash } from 'node:crypto';
import type { ClientHttp2Session, Http2Stream, ServerHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';

/** RFC 6455, section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const HOP_BY_HOP = new Set(['connection', 'upgrade', 'host', 'transfer-encoding']);

/** A head that was written: its first line, and its fields with lower-case names. */
interface Head {
  line: string;
  fields: Record<string, string>;
}

class Translated extends Duplex {
  private readonly begin: (head: Head) => Http2Stream;
  private stream: Http2Stream | undefined;
  private written = '';

  /** @param begin called with the head that was written, gives the stream that carries what follows */
  constructor(begin: (head: Head) => Http2Stream) {
    super();
    this.begin = begin;
  }

  /** Hands the library what comes from the stream. */
  follow(stream: Http2Stream): void {
    stream.on('data', (bytes) => void (this.push(bytes) || stream.pause()));
    stream.on('end', () => this.push(null));
    stream.on('error', () => this.destroy());
    stream.on('close', () => this.destroy());
  }

  override _read(): void {
    this.stream?.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.stream !== undefined) {
      if (this.stream.writable) this.stream.write(chunk, () => done());
      else done();
      return;
    }
    this.written += chunk.latin1Slice();
    const end = this.written.indexOf('\r\n\r\n');
    if (end < 0) return done();
    const [line, ...rest] = this.written.slice(0, end).split('\r\n');
    const fields = rest.map((field) => {
      const [name, value] = field.split(/: */, 2);
      return [name.toLowerCase(), value];
    });
    this.stream = this.begin({ line, fields: Object.fromEntries(fields) });
    const body = this.written.slice(end + 4);
    if (body === '') done();
    else this.stream.write(body, 'latin1', () => done());
  }

  override _final(done: () => void): void {
    if (this.stream?.writable) this.stream.end(done);
    else done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // A library that gives up does not end its side: neither does the stream.
    if (this.stream?.closed === false) this.stream.close(this.writableFinished && this.readableEnded ? 0 : 8);
    done(error);
  }
}

function passedOn(fields: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !HOP_BY_HOP.has(name)));
}

function headText(line: string, headers: Record<string, unknown>): string {
  const fields = Object.entries(headers).filter(([name]) => name[0] !== ':');
  return `${[line, ...fields.map(([name, value]) => `${name}: ${value}`)].join('\r\n')}\r\n\r\n`;
}

/** For a client: its handshake opens a stream of the session. */
export function upgradeOverSession(session: ClientHttp2Session): Duplex {
  const translated = new Translated(({ line, fields }) => {
    const stream = session.request(
      {
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': session.encrypted ? 'https' : 'http',
        ':authority': fields.host,
        ':path': line.split(' ')[1],
        ...passedOn(fields),
      },
      { endStream: false },
    );
    stream.on('response', (headers) => {
      const accept = createHash('sha1').update(`${fields['sec-websocket-key']}${ACCEPT_SUFFIX}`).digest('base64');
      const agreed = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-accept': accept, ...headers };
      const status = headers[':status'];
      translated.push(
        status === 200
          ? headText('HTTP/1.1 101 Switching Protocols', agreed)
          : headText(`HTTP/1.1 ${status} Refused`, { connection: 'close', ...headers }),
      );
      translated.follow(stream);
    });
    stream.on('error', () => translated.destroy());
    stream.on('close', () => translated.destroy());
    return stream;
  });
  return translated;
}

/** For a server: what it writes as the head of its answer goes to the stream. */
export function upgradeOverStream(stream: ServerHttp2Stream): Duplex {
  const translated = new Translated(({ line, fields }) => {
    const status = Number(line.split(' ')[1]);
    stream.respond({ ':status': status === 101 ? 200 : status, ...passedOn(fields) });
    return stream;
  });
  translated.follow(stream);
  return translated;
}
