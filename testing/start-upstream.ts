/**
 * An upstream for tests: an HTTP/1 server on a bare socket whose every byte a test decides. It records what it was sent,
 * raw, and how its connections were used.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';
import { type HttpMessage, readMessage } from '#testing/http-message.ts';
import type { Scope } from '#testing/scope.ts';

/** Decides how one request is answered. It is called as soon as the head is there. */
export type Behaviour = (exchange: Exchange) => void | Promise<void>;

/** A request as it arrived. `body` is filled once all of it has come. */
export interface ReceivedRequest {
  /** The head's bytes, up to and with the empty line. */
  head: string;
  /** The whole request, or undefined where the peer went away first. */
  message: HttpMessage | undefined;
  /** What there is of a request that is not whole, where it has no head as text. */
  part?: HttpMessage;
  /** Number of the connection, from 1. */
  connection: number;
  /** Number of the request on its connection, from 1. */
  onConnection: number;
}

export interface UpstreamOptions {
  port?: number;
  host?: string;
  /** Serves TLS. */
  tls?: TlsOptions;
}

/** Starts the server; the scope's end stops it. */
export async function startUpstream(t: Scope, behaviour: Behaviour, options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = new Upstream(behaviour, options);
  await upstream.listen();
  t.after(() => upstream.stop());
  return upstream;
}

export class Upstream {
  /** May be replaced while the server runs. */
  behaviour: Behaviour;
  /** Every request whose head arrived, in order. */
  readonly requests: ReceivedRequest[] = [];
  /** Connections accepted so far. */
  connections = 0;
  port: number;
  readonly #options: UpstreamOptions;
  readonly #sockets = new Set<Socket>();
  readonly #seen = new Map<string, number>();
  #server: Server | undefined;

  constructor(behaviour: Behaviour, options: UpstreamOptions) {
    this.behaviour = behaviour;
    this.port = options.port ?? 0;
    this.#options = options;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Listens, again on the same port after `stop()`. */
  async listen(): Promise<void> {
    const accept = (socket: Socket): void => void this.#serve(socket);
    const { tls } = this.#options;
    const server = tls ? createTlsServer(tls, accept) : createTcpServer({ noDelay: true, allowHalfOpen: true }, accept);
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, this.#options.host ?? '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === 'object') this.port = address.port;
  }

  /** Stops listening and resets every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.resetAll();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Resets every open connection; the server goes on listening. */
  resetAll(): void {
    // A socket with TLS cannot be reset.
    for (const socket of this.#sockets) socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy();
    this.#sockets.clear();
  }

  /** Ends every open connection in an orderly way. */
  endAll(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async #serve(socket: Socket): Promise<void> {
    const connection = ++this.connections;
    this.#sockets.add(socket);
    const input = new Input(socket);
    input.gone.then(() => this.#sockets.delete(socket));
    for (let onConnection = 1; ; onConnection++) {
      const head = await input.head();
      if (head === undefined) break;
      const request: ReceivedRequest = { head, message: undefined, connection, onConnection };
      this.requests.push(request);
      const target = head.split(' ')[1];
      const seen = (this.#seen.get(target) ?? 0) + 1;
      this.#seen.set(target, seen);
      const body = input.request().then((message) => {
        request.message = message;
        return message;
      });
      await this.behaviour(new Exchange(socket, request, body, seen, this.requests.length, input.gone));
      if ((await body) === undefined || socket.destroyed) break;
    }
    if (!socket.destroyed) socket.end();
  }
}

/** One request on its way to being answered. */
export class Exchange {
  readonly socket: Socket;
  readonly request: ReceivedRequest;
  /** The number of requests with this target so far, this one too. */
  readonly seen: number;
  /** The number of requests so far, this one too. */
  readonly number: number;
  /** Settles when the connection is gone. */
  readonly gone: Promise<void>;
  readonly #body: Promise<HttpMessage | undefined>;

  constructor(
    socket: Socket,
    request: ReceivedRequest,
    body: Promise<HttpMessage | undefined>,
    seen: number,
    number: number,
    gone: Promise<void>,
  ) {
    this.socket = socket;
    this.request = request;
    this.seen = seen;
    this.number = number;
    this.gone = gone;
    this.#body = body;
  }

  get method(): string {
    return this.request.head.split(' ', 1)[0];
  }

  /** The request's target: path and query. */
  get target(): string {
    return this.request.head.split(' ', 2)[1];
  }

  /** Waits for the whole request. @returns undefined where the peer went away first. */
  whole(): Promise<HttpMessage | undefined> {
    return this.#body;
  }

  /** Writes the bytes; a string is latin1. Waits until the kernel has them. */
  async write(bytes: string | Buffer): Promise<void> {
    if (this.socket.destroyed) return;
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    await new Promise<void>((resolve) => this.socket.write(data, () => resolve()));
  }

  /** Ends the connection in an orderly way. */
  end(): void {
    this.socket.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** What a socket received and nobody took yet. */
class Input {
  readonly gone: Promise<void>;
  #bytes: Buffer = Buffer.alloc(0);
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    const wake = (): void => {
      for (const resolve of this.#waiting.splice(0)) resolve();
    };
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      wake();
    });
    const end = (): void => {
      this.#ended = true;
      wake();
    };
    socket.on('end', end);
    socket.on('error', end);
    this.gone = new Promise((resolve) => {
      socket.on('close', () => {
        end();
        resolve();
      });
    });
  }

  /** Waits for the next head and leaves it in place. */
  async head(): Promise<string | undefined> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end >= 0) return this.#bytes.latin1Slice(0, end + 4);
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  /** Waits for the next whole request and takes it. */
  async request(): Promise<HttpMessage | undefined> {
    for (;;) {
      const message = readMessage(this.#bytes, { kind: 'request', ended: this.#ended });
      if (message) {
        this.#bytes = this.#bytes.subarray(message.size);
        return message;
      }
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
