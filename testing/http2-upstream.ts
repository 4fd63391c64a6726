/**
 * An upstream for tests that speaks HTTP/2 by node:http2, apart from the proxy's own codec. It records what it was sent; a behaviour may also
 * put bytes of its own between the frames.
 */
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Stream, type Settings } from 'node:http2';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { HttpMessage } from '#testing/http-message.ts';
import type { Scope } from '#testing/scope.ts';
import type { ReceivedRequest } from '#testing/start-upstream.ts';

/** Decides how one request is answered. It is called as soon as the head is there. */
export type Http2Behaviour = (exchange: Http2Exchange) => void | Promise<void>;

export interface Http2UpstreamOptions {
  /** Serves TLS; ALPN is `h2` unless these say otherwise. */
  tls?: TlsOptions;
  /** SETTINGS that clients get. */
  settings?: Settings;
}

/** One request, and the means to answer it. */
export interface Http2Exchange {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  /** With its query. */
  readonly target: string;
  readonly headers: Record<string, string>;
  /** Number of the request for the same target, from 1. */
  readonly seen: number;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** Waits for the whole request; undefined where it was broken off. */
  whole(): Promise<HttpMessage | undefined>;
  /** Settles when the stream is over. */
  readonly gone: Promise<void>;
  /** Puts bytes on the connection as they are. */
  inject(bytes: Buffer): void;
  /** Ends the connection: the peer sees its end, or a reset. */
  end(): void;
  reset(): void;
}

/** Starts the server; the scope's end stops it. */
export async function startHttp2Upstream(
  t: Scope,
  behaviour: Http2Behaviour,
  options: Http2UpstreamOptions = {},
): Promise<Http2Upstream> {
  const upstream = new Http2Upstream(behaviour, options);
  await upstream.listen();
  t.after(() => upstream.stop());
  return upstream;
}

export class Http2Upstream {
  /** May be replaced while the server runs. */
  behaviour: Http2Behaviour;
  /** Every request whose head arrived, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** Connections accepted so far. */
  connections = 0;
  port = 0;
  readonly #tls: TlsOptions | undefined;
  readonly #http2: Http2Server;
  readonly #sockets = new Set<Socket>();
  readonly #seen = new Map<string, number>();
  #server: Server | undefined;

  constructor(behaviour: Http2Behaviour, { tls, settings }: Http2UpstreamOptions) {
    this.behaviour = behaviour;
    this.#tls = tls;
    this.#http2 = createHttp2Server({ settings, unknownProtocolTimeout: 1 });
    this.#http2.on('sessionError', () => {});
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    const accept = (socket: Socket): void => this.#serve(socket);
    const server = this.#tls
      ? createTlsServer({ ALPNProtocols: ['h2'], ...this.#tls }, accept)
      : createTcpServer({ noDelay: true }, accept);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  /** Stops listening and ends every connection. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
  }

  #serve(socket: Socket): void {
    const connection = ++this.connections;
    this.#sockets.add(socket);
    const between = new Duplex({
      read: () => socket.resume(),
      write: (chunk, _encoding, done) => void socket.write(chunk, () => done()),
      final: (done) => void socket.end(done),
    });
    socket.on('data', (bytes) => void (between.push(bytes) || socket.pause()));
    socket.on('end', () => between.push(null));
    socket.on('error', () => between.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      between.destroy();
    });
    between.on('error', () => {});
    between.on('close', () => socket.destroy());
    this.#http2.once('session', (session) => {
      session.on('error', () => {});
      session.on('stream', (stream, headers) =>
        this.#exchange(stream as ServerHttp2Stream, headers as Record<string, string>, socket, connection),
      );
    });
    this.#http2.emit('connection', between);
  }

  #exchange(stream: ServerHttp2Stream, headers: Record<string, string>, socket: Socket, connection: number): void {
    const target = headers[':path'] ?? headers[':authority'] ?? '';
    const seen = (this.#seen.get(target) ?? 0) + 1;
    this.#seen.set(target, seen);
    const startLine = `${headers[':method']} ${target} HTTP/2`;
    const fields = Object.entries({ ...headers }).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, String(one)]),
    );
    const message: HttpMessage = {
      startLine,
      headers: fields,
      body: '',
      trailers: [],
      framing: 'none',
      head: '',
      size: 0,
    };
    message.head = `${startLine}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
    const request: ReceivedRequest = {
      head: message.head,
      message: undefined,
      part: message,
      connection,
      onConnection: stream.id ?? 0,
    };
    this.requests.push(request);
    stream.on('error', () => {});
    stream.on('data', (bytes: Buffer) => {
      message.body += bytes.latin1Slice();
    });
    stream.on('trailers', (trailers) => {
      message.trailers = Object.entries({ ...trailers }).map(([name, value]) => [name, String(value)]);
    });
    const whole = new Promise<HttpMessage | undefined>((resolve) => {
      stream.on('end', () => {
        if (!stream.aborted && stream.rstCode === 0) request.message = message;
        resolve(request.message);
      });
      stream.on('close', () => resolve(request.message));
    });
    const gone = new Promise<void>((resolve) => void stream.on('close', () => resolve()));
    void this.behaviour({
      stream,
      method: headers[':method'],
      target,
      headers,
      seen,
      connection,
      whole: () => whole,
      gone,
      inject: (bytes) => void socket.write(bytes),
      end: () => void socket.end(),
      reset: () => void socket.resetAndDestroy(),
    });
  }
}
