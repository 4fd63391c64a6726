/**
 * Sockets for datagrams, bound for anyone or connected to one peer. What is read can be sent on as it lies in memory, and what is sent
 * leaves in as few calls of the system as it takes.
 * Follows https://man7.org/linux/man-pages/man7/udp.7.html
 */
import type { Address } from '#config/model/address.ts';

export type IpAddress = Extract<Address, { kind: 'ip' }>;

/** One end of a way that datagrams take, in the form that its kind of socket sends to. */
export interface Peer {
  readonly address: string;
  readonly port: number;
}

/** A datagram as it was read: good until the end of the event. One object stands for one after the other. */
export interface Datagram {
  readonly length: number;
  /** Names its sender among those of the socket: equal for equal ones. */
  readonly from: number | string;
  /** Names the address of ours that it came to, where the socket has several; else 0. */
  readonly to: number | string;
  bytes(): Buffer;
  /** Its sender, to be kept; answers leave from the address that the datagram came to. */
  peer(): Peer;
  /** The address that it came to. */
  localAddress(): string;
}

/** Hears what became of each datagram that was to be sent. */
export interface Sending {
  onSent(bytes: number): void;
  onSendFailed(): void;
}

/** Hears what a socket reads. Nothing of it may throw. */
export interface DatagramOwner {
  onDatagram(datagram: Datagram): void;
  /** Datagrams that were longer than the socket takes. */
  onTruncated(count: number): void;
  /** Reading failed: on a connected socket nobody is there, for instance. */
  onReadError(code: string): void;
}

export interface DatagramSocket {
  readonly local: Peer;
  /** Sends on what was just read, here or by another socket. @param to undefined where the socket is connected */
  forward(datagram: Datagram, to: Peer | undefined, sending: Sending): void;
  /** Sends bytes, which are copied. @param to undefined where the socket is connected */
  send(bytes: Uint8Array, to: Peer | undefined, sending: Sending): void;
  close(): void;
}

export interface DatagramOptions {
  /** Longer ones are dropped. */
  maxSize: number;
  /** Other sockets may be bound to the same address. */
  reusePort?: boolean;
  /** An IPv6 wildcard takes IPv4 too. */
  ipv4Compat?: boolean;
}

/** Where a socket is bound, and to whom it is connected. */
export interface DatagramEnds {
  bind?: IpAddress;
  connect?: IpAddress;
}
