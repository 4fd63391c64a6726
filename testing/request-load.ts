/**
 * A steady load of requests for tests of what happens meanwhile: every user asks again as soon as it is answered. A request that gets no
 * whole, right answer is a failure; where a connection may be closed (`connection: close`), the next one is opened.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { readMessage } from '#testing/http-message.ts';
import type { Scope } from '#testing/scope.ts';

export interface LoadOptions {
  /** How many ask at the same time; 4 unless said. */
  users?: number;
  /** False: a connection for each request. */
  keepAlive?: boolean;
  /** The target of a user's n-th request; `/` unless said. */
  target?: (n: number) => string;
  /** What is wrong with an answer, or nothing; unless said, it has to be a 200. */
  check?: (head: string, body: string, target: string) => string | undefined;
  /** Connections may end before an answer is whole: it counts as broken, not as a failure. */
  mayBreak?: boolean;
  /** The connection to a TLS listener is made this way. */
  connect?: () => Socket;
}

/** Starts asking. The scope's end stops it. */
export function startLoad(t: Scope, address: NetConnectOpts, options: LoadOptions = {}): RequestLoad {
  const load = new RequestLoad(address, options);
  t.after(() => load.stop());
  return load;
}

/** More are not worth reading: the load ends. */
const MOST_FAILURES = 20;

export class RequestLoad {
  /** Requests that were answered rightly. */
  completed = 0;
  /** Connections that were opened. */
  connections = 0;
  /** Requests whose answer broke off, where it may. */
  broken = 0;
  /** Why requests failed. */
  readonly failures: string[] = [];
  readonly #address: NetConnectOpts;
  readonly #options: LoadOptions;
  readonly #users: Promise<void>[];
  #stopped = false;

  constructor(address: NetConnectOpts, options: LoadOptions) {
    this.#address = address;
    this.#options = options;
    this.#users = Array.from({ length: options.users ?? 4 }, () => this.#use());
  }

  /** Lets what was asked be answered, and asks no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#users);
  }

  async #use(): Promise<void> {
    const { keepAlive = true, target = () => '/' } = this.#options;
    let socket: Socket | undefined;
    for (let n = 0; !this.#stopped && this.failures.length < MOST_FAILURES; n++) {
      if (socket === undefined || socket.destroyed) {
        // What comes between two requests is seen by the next one.
        socket = (this.#options.connect?.() ?? connect(this.#address)).on('error', () => {});
        this.connections++;
      }
      const closes = await this.#ask(socket, target(n), keepAlive);
      if (closes) {
        socket.destroy();
        socket = undefined;
      }
    }
    socket?.destroy();
  }

  /** @returns whether the connection is of no more use. */
  async #ask(socket: Socket, target: string, keepAlive: boolean): Promise<boolean> {
    const connection = keepAlive ? '' : 'connection: close\r\n';
    socket.write(`GET ${target} HTTP/1.1\r\nhost: example.test\r\n${connection}\r\n`);
    const answer = await received(socket);
    if (typeof answer === 'string') {
      if (this.#options.mayBreak) this.broken++;
      else this.failures.push(`${target}: ${answer}`);
      return true;
    }
    const wrong = (this.#options.check ?? is200)(answer.head, answer.body, target);
    if (wrong === undefined) this.completed++;
    else this.failures.push(`${target}: ${wrong}`);
    return !keepAlive || /^connection: close\r$/im.test(answer.head);
  }
}

function is200(head: string): string | undefined {
  return head.startsWith('HTTP/1.1 200 ') ? undefined : head.slice(0, head.indexOf('\r'));
}

/** @returns the response, or why there is none. */
function received(socket: Socket): Promise<{ head: string; body: string } | string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const look = (ended: boolean): boolean => {
      const message = readMessage(Buffer.concat(pieces), { kind: 'response', method: 'GET', ended });
      if (message !== undefined) finish(message);
      return message !== undefined;
    };
    const finish = (result: { head: string; body: string } | string): void => {
      socket.off('data', onData).off('error', onError).off('close', onClose);
      resolve(result);
    };
    const onData = (bytes: Buffer): void => {
      pieces.push(bytes);
      look(false);
    };
    const onError = (error: Error): void => finish(`${error.message}, after ${sizeOf(pieces)} bytes`);
    const onClose = (): void => {
      if (!look(true)) finish(`closed, after ${sizeOf(pieces)} bytes`);
    };
    if (socket.destroyed) return resolve('closed before the request');
    socket.on('data', onData).on('error', onError).on('close', onClose);
  });
}

function sizeOf(pieces: Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
