/**
 * A client that writes bytes and reads bytes: what a test sends is on the wire as it stands, whole, in pieces or too slow,
 * and what comes back is shown as it came.
 */
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { type HttpMessage, headerOf, readMessage, statusOf } from '#testing/http-message.ts';

/** How a connection went away: the peer ended it, reset it, or keeps it. */
export type Ending = 'end' | 'reset';

/** A response, with what tests ask of it most. */
export interface WireResponse extends HttpMessage {
  status: number;
  /** The value of a header by its lower-case name, several joined by `, `. */
  header(name: string): string | undefined;
}

/** Where to connect, and what to wait for at most. */
export interface WireOptions {
  host?: string;
  /** The address to connect from. */
  localAddress?: string;
  /** TLS with these options; checks no certificate unless they say so. */
  tls?: ConnectionOptions;
  /** Milliseconds that `response()` and `closed()` wait before they fail. */
  patience?: number;
}

/** @returns a client whose connection stands. */
export async function wireClient(port: number, options: WireOptions = {}): Promise<WireClient> {
  const address = { host: options.host ?? '127.0.0.1', port, localAddress: options.localAddress };
  const socket = options.tls
    ? connectTls({ ...address, rejectUnauthorized: false, ...options.tls })
    : connectTcp({ ...address, allowHalfOpen: true });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once(options.tls ? 'secureConnect' : 'connect', resolve);
    socket.once('error', reject);
  });
  return new WireClient(socket, options.patience ?? 10_000);
}

export class WireClient {
  readonly socket: Socket | TLSSocket;
  readonly localPort: number;
  /** Milliseconds that the next wait takes at most. */
  patience: number;
  #received: Buffer = Buffer.alloc(0);
  #taken = 0;
  #ending: Ending | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket | TLSSocket, patience: number) {
    this.socket = socket;
    this.localPort = socket.localPort ?? 0;
    this.patience = patience;
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wakeAll();
    });
    socket.on('end', () => this.#endWith('end'));
    socket.on('error', () => this.#endWith('reset'));
    socket.on('close', () => this.#endWith('end'));
  }

  /** Everything that came and that no `response()` took. */
  get rest(): string {
    return this.#received.latin1Slice(this.#taken);
  }

  /** Everything that ever came. */
  get received(): string {
    return this.#received.latin1Slice();
  }

  /** Set once the peer has ended or reset the connection. */
  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** Writes the bytes and waits until the kernel has them; a string is latin1. A connection that is gone swallows them. */
  async send(bytes: string | Buffer): Promise<void> {
    if (this.socket.destroyed || this.socket.writableEnded) return;
    await new Promise<void>((resolve) => this.socket.write(toBuffer(bytes), () => resolve()));
  }

  /** Writes the bytes in pieces of `size`, so that the peer is likely to read them one by one. */
  async sendInPieces(bytes: string | Buffer, size = 1): Promise<void> {
    const all = toBuffer(bytes);
    for (let at = 0; at < all.length; at += size) {
      await this.send(all.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Takes the next message: an interim response (1xx) is one of its own. */
  async response(method = 'GET'): Promise<WireResponse> {
    const message = await this.#until(`a response to ${method}`, () =>
      readMessage(this.#received.subarray(this.#taken), {
        kind: 'response',
        method,
        ended: this.#ending !== undefined,
      }),
    );
    this.#taken += message.size;
    return { ...message, status: statusOf(message), header: (name) => headerOf(message, name) };
  }

  /** Waits until the peer has ended or reset the connection. */
  closed(): Promise<Ending> {
    return this.#until('the end of the connection', () => this.#ending);
  }

  /** Waits until something that nobody took has come, or the connection is gone. */
  async something(): Promise<void> {
    await this.#until('anything', () => (this.rest !== '' || this.#ending !== undefined ? true : undefined));
  }

  /** Says that no more bytes will come, and goes on reading. */
  end(): void {
    this.socket.end();
  }

  /** Resets the connection. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Ends the connection from both sides. */
  destroy(): void {
    this.socket.destroy();
  }

  #endWith(ending: Ending): void {
    this.#ending ??= ending;
    this.#wakeAll();
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    let late = false;
    const { patience } = this;
    const deadline = setTimeout(() => {
      late = true;
      this.#wakeAll();
    }, patience);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        if (late || this.#ending !== undefined) {
          const why = late ? `not within ${patience} ms` : `the connection is gone (${this.#ending})`;
          throw new Error(`no ${what}: ${why}; what came: ${JSON.stringify(this.rest.slice(0, 500))}`);
        }
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  #wakeAll(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

function toBuffer(bytes: string | Buffer): Buffer {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
}
