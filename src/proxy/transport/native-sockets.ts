/**
 * What the system does with sockets and Node does not: options (setsockopt(2)), sockets that are set up before they are bound, pairs of
 * connected ones (socketpair(2)). Calls go through koffi, which is loaded with the first one: 14 ms and 3 MB, 2 us a call.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { packageRoot } from '#base/entry.ts';

type Call = (...args: (number | Uint8Array)[]) => number;
const CALLS = {
  setsockopt: 'int setsockopt(int fd, int level, int name, const void *value, uint32_t size)',
  getsockopt: 'int getsockopt(int fd, int level, int name, void *value, void *size)',
  socket: 'int socket(int domain, int type, int protocol)',
  socketpair: 'int socketpair(int domain, int type, int protocol, void *pair)',
  bind: 'int bind(int fd, const void *address, uint32_t size)',
  dup: 'int dup(int fd)',
  close: 'int close(int fd)',
} as const;
type Calls = { readonly [name in keyof typeof CALLS]: Call } & { errno(): number };

interface Koffi {
  load(path: string | null): { func(declaration: string): Call };
  errno(): number;
}

/** As Linux and macOS number them. */
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = process.platform === 'darwin' ? 30 : 10;
const SOCK_STREAM = 1;
/** Linux: do not hand on to child processes, do not block. */
const SOCK_FLAGS = process.platform === 'linux' ? 0o2000000 | 0o4000 : 0;
const IPPROTO_MPTCP = 262;

let calls: Calls | undefined;

function native(): Calls {
  if (calls !== undefined) return calls;
  const koffi = createRequire(join(packageRoot, 'package.json'))('koffi') as Koffi;
  const own = koffi.load(null);
  const found = Object.entries(CALLS).map(([name, declaration]) => [name, own.func(declaration)]);
  calls = { ...Object.fromEntries(found), errno: () => koffi.errno() } as Calls;
  return calls;
}

/** Loads what the first call would load. */
export function loadNative(): void {
  native();
}

/** @throws an error with `code` (`EPERM`) and `errno`, as Node's have */
export function setSocketOption(fd: number, level: number, name: number, value: Uint8Array): void {
  check('setsockopt', native().setsockopt(fd, level, name, value, value.length));
}

/** @returns what the option holds, `size` bytes at most; undefined where the socket has no such option, or nothing in it. */
export function socketOption(fd: number, level: number, name: number, size: number): Buffer | undefined {
  const value = Buffer.alloc(size);
  const length = intBytes(size);
  if (native().getsockopt(fd, level, name, value, length) !== 0) return undefined;
  return value.subarray(0, length.readInt32LE());
}

/** @returns a descriptor of a new TCP socket that belongs to the caller. */
export function openTcpSocket(family: 4 | 6, mptcp = false): number {
  const domain = family === 4 ? AF_INET : AF_INET6;
  return check('socket', native().socket(domain, SOCK_STREAM | SOCK_FLAGS, mptcp ? IPPROTO_MPTCP : 0));
}

/** @returns two descriptors of unix sockets that are connected with each other; both belong to the caller. */
export function socketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  check('socketpair', native().socketpair(AF_UNIX, SOCK_STREAM | SOCK_FLAGS, 0, pair));
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/** @param address words of an address in the order of the network: four bytes, or sixteen */
export function bindSocket(fd: number, address: Uint8Array, port: number): void {
  const name = socketAddress(address, port);
  check('bind', native().bind(fd, name, name.length));
}

/** @returns another descriptor of the same socket, which belongs to the caller. */
export function duplicateDescriptor(fd: number): number {
  return check('dup', native().dup(fd));
}

export function closeDescriptor(fd: number): void {
  native().close(fd);
}

/** An option's value that is a number, as the system keeps it. */
export function intBytes(value: number): Buffer {
  if (endianness() !== 'LE') throw new Error('Fairlead runs on little-endian processors');
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value | 0);
  return bytes;
}

/** A `sockaddr_in` or `sockaddr_in6` (ip(7), ipv6(7)). */
function socketAddress(address: Uint8Array, port: number): Buffer {
  const six = address.length === 16;
  const name = Buffer.alloc(six ? 28 : 16);
  const family = six ? AF_INET6 : AF_INET;
  if (process.platform === 'linux') name.writeUInt16LE(family);
  else name.set([name.length, family]);
  name.writeUInt16BE(port, 2);
  name.set(address, six ? 8 : 4);
  return name;
}

function check(syscall: string, result: number): number {
  if (result >= 0) return result;
  const errno = -native().errno();
  const code = getSystemErrorName(errno);
  throw Object.assign(new Error(`${syscall} ${code}`), { code, errno, syscall });
}
