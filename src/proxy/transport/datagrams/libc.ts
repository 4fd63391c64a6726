/**
 * The calls of the system that datagrams need and Node does not offer: many datagrams in one call (recvmmsg(2), sendmmsg(2)), one descriptor
 * that tells of many (epoll(7)), and the loop's own way to wait for it (uv_poll_t).
 * Follows https://nodejs.org/api/ffi.html and https://docs.libuv.org/en/v1.x/poll.html
 */

/** The part of Node's `node:ffi` that is used here. */
interface ForeignFunctions {
  dlopen(path: null, functions: object): { lib: ForeignLibrary; functions: LibC };
  getCurrentEventLoop(): bigint;
  getRawPointer(memory: ArrayBuffer): bigint;
  getInt32(at: bigint): number;
}

interface ForeignLibrary {
  registerCallback(signature: object, callback: (...values: never[]) => void): bigint;
  getSymbol(name: string): bigint;
}

export interface LibC {
  __errno_location(): bigint;
  bind(fd: number, address: bigint, length: number): number;
  close(fd: number): number;
  connect(fd: number, address: bigint, length: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, fd: number, event: bigint): number;
  epoll_wait(epoll: number, events: bigint, most: number, timeout: number): number;
  getsockname(fd: number, address: bigint, length: bigint): number;
  malloc(size: bigint): bigint;
  recvmmsg(fd: number, messages: bigint, count: number, flags: number, timeout: bigint): number;
  send(fd: number, bytes: bigint, length: bigint, flags: number): bigint;
  sendmmsg(fd: number, messages: bigint, count: number, flags: number): number;
  setsockopt(fd: number, level: number, name: number, value: bigint, length: number): number;
  socket(family: number, type: number, protocol: number): number;
  uv_close(handle: bigint, onClosed: bigint): void;
  uv_handle_size(type: number): bigint;
  uv_poll_init(loop: bigint, handle: bigint, fd: number): number;
  uv_poll_start(handle: bigint, events: number, onEvent: bigint): number;
}

const SIGNATURES = {
  __errno_location: { return: 'pointer', arguments: [] },
  bind: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  close: { return: 'i32', arguments: ['i32'] },
  connect: { return: 'i32', arguments: ['i32', 'pointer', 'u32'] },
  epoll_create1: { return: 'i32', arguments: ['i32'] },
  epoll_ctl: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer'] },
  epoll_wait: { return: 'i32', arguments: ['i32', 'pointer', 'i32', 'i32'] },
  getsockname: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] },
  malloc: { return: 'pointer', arguments: ['u64'] },
  recvmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32', 'pointer'] },
  send: { return: 'i64', arguments: ['i32', 'pointer', 'u64', 'i32'] },
  sendmmsg: { return: 'i32', arguments: ['i32', 'pointer', 'u32', 'i32'] },
  setsockopt: { return: 'i32', arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'] },
  socket: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
  uv_close: { return: 'void', arguments: ['pointer', 'pointer'] },
  uv_handle_size: { return: 'u64', arguments: ['i32'] },
  uv_poll_init: { return: 'i32', arguments: ['pointer', 'pointer', 'i32'] },
  uv_poll_start: { return: 'i32', arguments: ['pointer', 'i32', 'pointer'] },
};

/** What a thread has of the system. */
export interface Native {
  libc: LibC;
  /** The error of the call before, negative as Node has it. */
  errno(): number;
  /** Where memory lies. It must not be let go of while the system knows of it. */
  pointerTo(memory: ArrayBuffer): bigint;
  eventLoop(): bigint;
  /** The address of a function of the system. */
  symbol(name: string): bigint;
  /** The address of a function of ours, which must not throw. */
  callback(signature: object, callback: (...values: never[]) => void): bigint;
}

let native: Native | null | undefined;

/** @returns undefined where there is no such thing: another system, another Node. */
export function nativeCalls(): Native | undefined {
  if (native === undefined) native = load() ?? null;
  return native ?? undefined;
}

function load(): Native | undefined {
  if (process.platform !== 'linux' || process.env.FAIRLEAD_NO_FFI !== undefined) return undefined;
  const ffi = process.getBuiltinModule('node:ffi' as never) as ForeignFunctions | undefined;
  if (ffi?.getCurrentEventLoop === undefined) return undefined;
  try {
    const { lib, functions: libc } = ffi.dlopen(null, SIGNATURES);
    const errnoAt = libc.__errno_location();
    return {
      libc,
      errno: () => -ffi.getInt32(errnoAt),
      pointerTo: (memory) => ffi.getRawPointer(memory),
      eventLoop: () => ffi.getCurrentEventLoop(),
      symbol: (name) => lib.getSymbol(name),
      callback: (signature, callback) => lib.registerCallback(signature, callback),
    };
  } catch {
    return undefined;
  }
}
