/**
 * Lines of text between two processes over a unix socket, each with a listening socket beside it if need be (SCM_RIGHTS, unix(7)). Node
 * passes sockets only to its own children; its pipes can do it with anyone.
 */
import type { Server, Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';

/** A listening socket that came over a channel, or that is sent over one. */
export interface PassedSocket {
  fd: number;
  kind: 'tcp' | 'pipe';
}

interface Handle {
  fd: number;
  open(fd: number): number;
  close(): void;
  readStart(): number;
  onread: (this: Handle, bytes: ArrayBuffer | undefined) => void;
  pendingHandle?: Handle | null;
  connect(request: object, path: string): number;
  writeUtf8String(request: object, text: string, handle?: Handle): number;
}
type HandleClass = new (type: number) => Handle;

interface Bindings {
  pipe_wrap: { Pipe: HandleClass; PipeConnectWrap: new () => { oncomplete: (status: number) => void } };
  tcp_wrap: { TCP: HandleClass };
  stream_wrap: { WriteWrap: new () => { oncomplete: (status: number) => void } };
}

const { binding } = process as unknown as { binding<K extends keyof Bindings>(name: K): Bindings[K] };
const SERVER = 1;
const IPC = 2;
/** Handles of this thread's own servers, by descriptor. */
const served = new Map<number, Handle>();

export class HandleChannel {
  /** Called for each line; `socket` came with it. */
  onLine: (line: string, socket: PassedSocket | undefined) => void = () => {};
  onClose: () => void = () => {};
  private readonly pipe: Handle;
  /** Keeps the beginning of a character whose end is in the next read. */
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  /** Came with the beginning of the line that is not whole yet. */
  private early: PassedSocket | undefined = undefined;
  private closed = false;

  private constructor(pipe: Handle) {
    this.pipe = pipe;
    const hear = (bytes: ArrayBuffer | undefined) => this.hear(bytes);
    pipe.onread = function onread(bytes) {
      hear(bytes);
    };
    pipe.readStart();
  }

  /** Connects to a path; one that begins with a NUL is in the abstract namespace. @throws where nobody listens there */
  static connect(path: string): Promise<HandleChannel> {
    const { Pipe, PipeConnectWrap } = binding('pipe_wrap');
    return new Promise((resolve, reject) => {
      const pipe = new Pipe(IPC);
      const request = new PipeConnectWrap();
      const fail = () => {
        pipe.close();
        reject(new Error('nobody listens there'));
      };
      request.oncomplete = (status) => (status === 0 ? resolve(new HandleChannel(pipe)) : fail());
      if (pipe.connect(request, path) !== 0) fail();
    });
  }

  /** Takes over an accepted connection, which must not have been read: see `pauseOnConnect` of net.createServer. */
  static accepted(socket: Socket): HandleChannel {
    const holder = socket as unknown as { _handle: Handle };
    const { Pipe } = binding('pipe_wrap');
    const pipe = new Pipe(IPC);
    // Both handles have the descriptor now. The first one is never closed: that would close it under the second.
    pipe.open(holder._handle.fd);
    return new HandleChannel(pipe);
  }

  /** Sends a line. A socket that is gone is not sent with it. */
  send(line: string, socket?: PassedSocket): void {
    if (this.closed) return;
    const handle = socket && handleOf(socket);
    if (handle === undefined || this.write(line, handle) !== 0) this.write(line, undefined);
  }

  private write(line: string, handle: Handle | undefined): number {
    const { WriteWrap } = binding('stream_wrap');
    const request = new WriteWrap();
    request.oncomplete = () => {};
    return this.pipe.writeUtf8String(request, `${line}\n`, handle);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipe.close();
  }

  private hear(bytes: ArrayBuffer | undefined): void {
    if (this.closed) return;
    if (bytes === undefined) {
      this.close();
      this.onClose();
      return;
    }
    const passed = this.takePassed();
    const lines = (this.rest + this.decoder.write(Buffer.from(bytes))).split('\n');
    this.rest = lines.pop() ?? '';
    const early = this.early;
    if (lines.length > 0) this.early = undefined;
    // What is read ends with the message that the socket came with, or in its middle; other messages may stand before it.
    if (this.rest !== '' && passed !== undefined) this.early = passed;
    for (const [i, line] of lines.entries()) {
      const ownsPassed = this.rest === '' && i === lines.length - 1;
      this.onLine(line, ownsPassed && passed !== undefined ? passed : i === 0 ? early : undefined);
    }
  }

  /** The socket that came with the last read. */
  private takePassed(): PassedSocket | undefined {
    const { pendingHandle } = this.pipe;
    this.pipe.pendingHandle = null;
    if (!pendingHandle) return undefined;
    return { fd: pendingHandle.fd, kind: pendingHandle.constructor.name === 'TCP' ? 'tcp' : 'pipe' };
  }
}

/** @returns the descriptor of a server that listens on this thread; it can be sent over channels of this thread too. */
export function descriptorOf(server: Server): number {
  const handle = (server as unknown as { _handle: Handle })._handle;
  served.set(handle.fd, handle);
  return handle.fd;
}

/** A handle to be sent: this thread's own, or one around a descriptor that another thread owns, which is never closed. */
function handleOf({ fd, kind }: PassedSocket): Handle {
  const own = served.get(fd);
  if (own !== undefined) return own;
  const Class = kind === 'tcp' ? binding('tcp_wrap').TCP : binding('pipe_wrap').Pipe;
  const handle = new Class(SERVER);
  handle.open(fd);
  return handle;
}
