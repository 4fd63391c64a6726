/**
 * One descriptor that the event loop waits for, in place of one for each socket: a turn of the loop costs one call of the system to learn
 * which sockets have something, however many there are.
 * Follows https://man7.org/linux/man-pages/man7/epoll.7.html and https://docs.libuv.org/en/v1.x/poll.html
 */
import type { Native } from '#proxy/transport/datagrams/libc.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

/** What has something to read. */
export interface Readable {
  read(): void;
}

const EPOLL_CLOEXEC = 0o2000000;
const ADD = 1;
const REMOVE = 2;
const EPOLLIN = 1;
const UV_POLL = 8;
const UV_READABLE = 1;
const EVENTS = 64;
/** struct epoll_event is packed on x86 alone. */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };

export class DatagramPoller {
  private readonly native: Native;
  private readonly readables = new Map<number, Readable>();
  private readonly memory = new ArrayBuffer(EVENTS * EVENT.size);
  private readonly view = new DataView(this.memory);
  private readonly events: bigint;
  private readonly onEvent: bigint;
  private readonly afterEvent: () => void;
  private epoll = -1;
  /** The loop's handle, which the system's own memory holds until it is closed. */
  private handle = 0n;

  /** @param afterEvent called when all that had something has read */
  constructor(native: Native, afterEvent: () => void) {
    this.native = native;
    this.afterEvent = afterEvent;
    this.events = native.pointerTo(this.memory);
    const signature = { return: 'void', arguments: ['pointer', 'i32', 'i32'] };
    this.onEvent = native.callback(signature, () => this.run());
  }

  /** Has `readable` read whenever there is something at the descriptor. */
  add(fd: number, readable: Readable): void {
    if (this.epoll < 0) this.open();
    this.readables.set(fd, readable);
    this.control(ADD, fd);
  }

  /** To be called before the descriptor is closed. With the last one, the loop has nothing more to wait for. */
  remove(fd: number): void {
    if (!this.readables.delete(fd)) return;
    this.control(REMOVE, fd);
    if (this.readables.size === 0) this.close();
  }

  private control(operation: number, fd: number): void {
    this.view.setUint32(0, EPOLLIN, true);
    this.view.setInt32(EVENT.data, fd, true);
    this.native.libc.epoll_ctl(this.epoll, operation, fd, this.events);
  }

  private open(): void {
    const { libc } = this.native;
    this.epoll = libc.epoll_create1(EPOLL_CLOEXEC);
    this.handle = libc.malloc(libc.uv_handle_size(UV_POLL));
    libc.uv_poll_init(this.native.eventLoop(), this.handle, this.epoll);
    libc.uv_poll_start(this.handle, UV_READABLE, this.onEvent);
  }

  private close(): void {
    const { libc } = this.native;
    libc.uv_close(this.handle, this.native.symbol('free'));
    libc.close(this.epoll);
    this.epoll = -1;
  }

  /** The loop calls this from outside of JavaScript: nothing may be thrown, and what waits for the next tick has to be called for. */
  private run(): void {
    try {
      asEvent(() => this.readAll());
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
    (process as unknown as { _tickCallback(): void })._tickCallback();
  }

  private readAll(): void {
    const { view, readables, epoll } = this;
    const count = this.native.libc.epoll_wait(epoll, this.events, EVENTS, 0);
    const ready: Readable[] = [];
    for (let i = 0; i < count; i++) {
      const readable = readables.get(view.getInt32(i * EVENT.size + EVENT.data, true));
      if (readable !== undefined) ready.push(readable);
    }
    try {
      for (const readable of ready) readable.read();
    } finally {
      this.afterEvent();
    }
  }
}
