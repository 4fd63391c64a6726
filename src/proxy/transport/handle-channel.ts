/**
 * Lines of text between two processes over a unix socket, each with a listening socket beside it if need be (SCM_RIGHTS, unix(7)). Node
 * passes sockets only to its own children; its pipes can do it with anyone.
 */
import type { Socket } from 'node:net';

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

export class HandleChannel {
  /** Called for each line; `socket` came with it. */
  onLine: (line: string, socket: PassedSocket | undefined) => void = () => {};
  onClose: () => void = () => {};
  private readonly pipe: Handle;
  private rest = '';
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

  /** Sends a line. */
  send(line: string, socket?: PassedSocket): void {
    if (this.closed) return;
    const { WriteWrap } = binding('stream_wrap');
    const request = new WriteWrap();
    request.oncomplete = () => {};
    this.pipe.writeUtf8String(request, `${line}\n`, socket && handleOf(socket));
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
    // A socket comes with the first bytes of its own message.
    const { pendingHandle } = this.pipe;
    this.pipe.pendingHandle = null;
    let passed: PassedSocket | undefined;
    if (pendingHandle)
      passed = { fd: pendingHandle.fd, kind: pendingHandle.constructor.name === 'TCP' ? 'tcp' : 'pipe' };
    const lines = (this.rest + Buffer.from(bytes).toString('utf8')).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) {
      this.onLine(line, passed);
      passed = undefined;
    }
  }
}

/** A handle around a descriptor that another one of this process owns: good to be sent, and never closed. */
function handleOf({ fd, kind }: PassedSocket): Handle {
  const Class = kind === 'tcp' ? binding('tcp_wrap').TCP : binding('pipe_wrap').Pipe;
  const handle = new Class(SERVER);
  handle.open(fd);
  return handle;
}
