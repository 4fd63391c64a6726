/**
 * Sockets for datagrams by calls of the system. A thread reads into one row of messages and sends from there, without a copy; what goes to one
 * socket leaves in one call.
 * Follows https://man7.org/linux/man-pages/man2/recvmmsg.2.html and https://man7.org/linux/man-pages/man7/ip.7.html (IP_PKTINFO)
 */
import { isIPv4 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { DatagramPoller } from '#proxy/transport/datagrams/datagram-poller.ts';
import type {
  Datagram,
  DatagramEnds,
  DatagramOptions,
  DatagramOwner,
  DatagramSocket,
  IpAddress,
  Peer,
  Sending,
} from '#proxy/transport/datagrams/datagram-socket.ts';
import type { Native } from '#proxy/transport/datagrams/libc.ts';
import { keptWords, MESSAGES, MessageMemory } from '#proxy/transport/datagrams/message-memory.ts';
import { NativeOutbox } from '#proxy/transport/datagrams/native-outbox.ts';
import {
  AF_INET,
  AF_INET6,
  ipv4Text,
  ipv6Text,
  readSocketName,
  writeSocketName,
} from '#proxy/transport/datagrams/socket-name.ts';

const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0o2004000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const EAGAIN = -11;
/** Datagrams that one socket may read before others have their turn. */
const TURN = 1024;
const CONTROL_DATA = 16;

/** A peer as the system writes it. */
export class NativePeer implements Peer {
  readonly address: string;
  readonly port: number;
  readonly name: Uint32Array;
  readonly nameLength: number;
  /** Has datagrams leave from one of several addresses of ours; empty: from the only one. */
  readonly control: Uint32Array;

  constructor(ends: { address: string; port: number }, name: Buffer, control: Buffer) {
    this.address = ends.address;
    this.port = ends.port;
    this.name = keptWords(name);
    this.nameLength = name.length;
    this.control = keptWords(control);
  }
}

/** What the sockets of a thread share. */
class Shared {
  readonly native: Native;
  readonly poller: DatagramPoller;
  readonly outbox: NativeOutbox;
  readonly datagram: NativeDatagram;
  memory: MessageMemory;
  /** The first message that nothing to be sent lies in. */
  next = 0;

  constructor(native: Native) {
    this.native = native;
    this.outbox = new NativeOutbox(native);
    this.poller = new DatagramPoller(native, () => this.outbox.flush());
    this.memory = new MessageMemory(native, 0);
    this.datagram = new NativeDatagram(this);
  }

  /** Makes room for datagrams of a size. */
  fit(size: number): void {
    if (size <= this.memory.size) return;
    this.outbox.flush();
    this.memory = new MessageMemory(this.native, size);
    this.next = 0;
  }
}

export class NativeDatagram implements Datagram {
  message = 0;
  length = 0;
  private readonly shared: Shared;

  constructor(shared: Shared) {
    this.shared = shared;
  }

  get at(): number {
    return this.shared.memory.payloadAt(this.message);
  }

  get from(): number | string {
    const { memory } = this.shared;
    const first = memory.nameWord(this.message, 0);
    if ((first & 0xffff) === AF_INET) return memory.nameWord(this.message, 1) * 65536 + (first >>> 16);
    return memory.name(this.message).latin1Slice(2, 28);
  }

  get to(): number | string {
    const { memory } = this.shared;
    if (memory.controlLengthOf(this.message) === 0) return 0;
    return this.localAddress();
  }

  bytes(): Buffer {
    return this.shared.memory.payload(this.message, this.length);
  }

  peer(): Peer {
    const name = this.shared.memory.name(this.message);
    const length = name.readUInt16LE(0) === AF_INET ? 16 : 28;
    return new NativePeer(readSocketName(name), name.subarray(0, length), this.answersFrom());
  }

  localAddress(): string {
    const { memory } = this.shared;
    const control = memory.control(this.message);
    if (memory.controlLengthOf(this.message) === 0) return '';
    return control.readInt32LE(8) === IPPROTO_IP
      ? ipv4Text(control.subarray(CONTROL_DATA + 8, CONTROL_DATA + 12))
      : ipv6Text(control.subarray(CONTROL_DATA, CONTROL_DATA + 16));
  }

  /** What goes beside an answer: where the datagram came to, as where the answer leaves from, by whatever interface. */
  private answersFrom(): Buffer {
    const { memory } = this.shared;
    const length = memory.controlLengthOf(this.message);
    const control = Buffer.from(memory.control(this.message).subarray(0, length));
    if (length === 0) return control;
    if (control.readInt32LE(8) === IPPROTO_IP) {
      control.writeUInt32LE(0, CONTROL_DATA);
      control.copy(control, CONTROL_DATA + 4, CONTROL_DATA + 8, CONTROL_DATA + 12);
    } else control.writeUInt32LE(0, CONTROL_DATA + 16);
    return control;
  }
}

class NativeSocket implements DatagramSocket {
  readonly local: Peer;
  private readonly shared: Shared;
  private readonly fd: number;
  private readonly maxSize: number;
  private readonly owner: DatagramOwner;
  private open = true;

  constructor(shared: Shared, fd: number, local: Peer, maxSize: number, owner: DatagramOwner) {
    this.shared = shared;
    this.fd = fd;
    this.local = local;
    this.maxSize = maxSize;
    this.owner = owner;
    shared.poller.add(fd, this);
  }

  read(): void {
    const { shared, owner, fd } = this;
    const { libc } = shared.native;
    shared.fit(this.maxSize);
    for (let total = 0; this.open && total < TURN; ) {
      if (shared.next === MESSAGES) {
        shared.outbox.flush();
        shared.next = 0;
      }
      const { memory, next } = shared;
      const room = MESSAGES - next;
      const count = libc.recvmmsg(fd, memory.headers[next], room, MSG_DONTWAIT, 0n);
      if (count < 0) {
        const error = shared.native.errno();
        if (error === EAGAIN) return;
        owner.onReadError(getSystemErrorName(error));
        total++;
        continue;
      }
      shared.next = next + count;
      total += count;
      this.deliver(memory, next, count);
      if (count < room) return;
    }
  }

  private deliver(memory: MessageMemory, first: number, count: number): void {
    const { datagram } = this.shared;
    let truncated = 0;
    for (let message = first; message < first + count; message++) {
      const length = memory.lengthOf(message);
      if (length > this.maxSize || (memory.flagsOf(message) & MSG_TRUNC) !== 0) truncated++;
      else if (this.open) {
        datagram.message = message;
        datagram.length = length;
        this.owner.onDatagram(datagram);
      }
      memory.reset(message);
    }
    if (truncated > 0) this.owner.onTruncated(truncated);
  }

  forward(datagram: Datagram, to: Peer | undefined, sending: Sending): void {
    this.shared.outbox.add(this.fd, (datagram as NativeDatagram).at, datagram.length, to as NativePeer, sending);
  }

  send(bytes: Uint8Array, to: Peer | undefined, sending: Sending): void {
    this.shared.outbox.addCopy(this.fd, bytes, to as NativePeer, sending);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.shared.outbox.flush();
    this.shared.poller.remove(this.fd);
    this.shared.native.libc.close(this.fd);
  }
}

let shared: Shared | undefined;

/** @throws NodeJS.ErrnoException */
export function openNativeSocket(
  native: Native,
  { bind, connect }: DatagramEnds,
  options: DatagramOptions,
  owner: DatagramOwner,
): DatagramSocket {
  shared ??= new Shared(native);
  const { libc } = native;
  const v4 = isIPv4((bind ?? connect ?? ANY).address);
  const fd = libc.socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) throw failure(native, 'socket');
  try {
    if (bind !== undefined) bindTo(native, fd, bind, options);
    if (connect !== undefined && withName(native, connect, (name, length) => libc.connect(fd, name, length)) < 0) {
      throw failure(native, 'connect');
    }
    return new NativeSocket(shared, fd, localName(native, fd), options.maxSize, owner);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

const ANY = { address: '0.0.0.0' };
const WILDCARDS = ['0.0.0.0', '::'];

function bindTo(native: Native, fd: number, address: IpAddress, { reusePort, ipv4Compat }: DatagramOptions): void {
  const v4 = isIPv4(address.address);
  setOption(native, fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (reusePort) setOption(native, fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (!v4) setOption(native, fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv4Compat ? 0 : 1);
  if (WILDCARDS.includes(address.address)) {
    if (v4) setOption(native, fd, IPPROTO_IP, IP_PKTINFO, 1);
    else setOption(native, fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  if (withName(native, address, (name, length) => native.libc.bind(fd, name, length)) < 0)
    throw failure(native, 'bind');
}

function setOption(native: Native, fd: number, level: number, name: number, value: number): void {
  const memory = new ArrayBuffer(4);
  new Int32Array(memory)[0] = value;
  if (native.libc.setsockopt(fd, level, name, native.pointerTo(memory), 4) < 0) throw failure(native, 'setsockopt');
}

function withName(
  native: Native,
  { address, port }: IpAddress,
  call: (name: bigint, length: number) => number,
): number {
  const memory = new ArrayBuffer(28);
  const length = writeSocketName(Buffer.from(memory), address, port);
  return call(native.pointerTo(memory), length);
}

function localName(native: Native, fd: number): Peer {
  const memory = new ArrayBuffer(28);
  const size = new ArrayBuffer(4);
  new Uint32Array(size)[0] = 28;
  native.libc.getsockname(fd, native.pointerTo(memory), native.pointerTo(size));
  return readSocketName(Buffer.from(memory));
}

function failure(native: Native, syscall: string): NodeJS.ErrnoException {
  const errno = native.errno();
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`${syscall} ${code}`), { code, errno, syscall });
}
