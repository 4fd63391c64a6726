/**
 * Sockets for datagrams with node:dgram, for where the system cannot be called directly: one call and one object for each datagram.
 * Follows https://nodejs.org/api/dgram.html
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type {
  Datagram,
  DatagramEnds,
  DatagramOptions,
  DatagramOwner,
  DatagramSocket,
  Peer,
  Sending,
} from '#proxy/transport/datagrams/datagram-socket.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

class PlainDatagram implements Datagram {
  readonly to = 0;
  private readonly content: Buffer;
  private readonly sender: RemoteInfo;

  constructor(content: Buffer, sender: RemoteInfo) {
    this.content = content;
    this.sender = sender;
  }

  get length(): number {
    return this.content.length;
  }

  get from(): string {
    return `${this.sender.address} ${this.sender.port}`;
  }

  bytes(): Buffer {
    return this.content;
  }

  peer(): Peer {
    return { address: this.sender.address, port: this.sender.port };
  }

  localAddress(): string {
    return '';
  }
}

class PlainSocket implements DatagramSocket {
  private readonly socket: Socket;
  private connected = false;
  /** Datagrams that wait for the socket to be connected. */
  private waiting: (() => void)[] = [];
  private open = true;

  constructor(ends: DatagramEnds, options: DatagramOptions, owner: DatagramOwner) {
    const family = isIPv4((ends.bind ?? ends.connect ?? { address: '0.0.0.0' }).address) ? 'udp4' : 'udp6';
    const ipv6Only = family === 'udp6' && !options.ipv4Compat;
    this.socket = createSocket({ type: family, reusePort: options.reusePort, ipv6Only });
    this.socket.on('message', (content, sender) =>
      asEvent(() => {
        if (!this.open) return;
        if (content.length > options.maxSize) owner.onTruncated(1);
        else owner.onDatagram(new PlainDatagram(content, sender));
      }),
    );
    this.socket.on('error', (error: NodeJS.ErrnoException) => asEvent(() => owner.onReadError(error.code ?? '')));
  }

  /** Binds, connects; the socket can be used before that is done. */
  start({ bind, connect }: DatagramEnds): void {
    const { socket } = this;
    const onBound = () => {
      if (connect === undefined) return;
      socket.connect(connect.port, connect.address, () => {
        this.connected = true;
        for (const send of this.waiting) send();
        this.waiting = [];
      });
    };
    if (bind === undefined) onBound();
    else socket.bind({ address: bind.address, port: bind.port }, onBound);
  }

  /** Resolves when it is bound. */
  bound(): Promise<DatagramSocket> {
    return new Promise((resolve, reject) => {
      this.socket.once('listening', () => {
        this.socket.off('error', reject);
        resolve(this);
      });
      this.socket.once('error', reject);
    });
  }

  get local(): Peer {
    try {
      const { address, port } = this.socket.address();
      return { address, port };
    } catch {
      return { address: '', port: 0 };
    }
  }

  forward(datagram: Datagram, to: Peer | undefined, sending: Sending): void {
    this.send(datagram.bytes(), to, sending);
  }

  send(bytes: Uint8Array, to: Peer | undefined, sending: Sending): void {
    const done = (error: Error | null) => (error === null ? sending.onSent(bytes.length) : sending.onSendFailed());
    if (to !== undefined) this.socket.send(bytes, to.port, to.address, done);
    else if (this.connected) this.socket.send(bytes, done);
    else this.waiting.push(() => this.socket.send(bytes, done));
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.waiting = [];
    this.socket.close();
  }
}

export function openPlainSocket(
  ends: DatagramEnds,
  options: DatagramOptions,
  owner: DatagramOwner,
): { socket: DatagramSocket; ready: Promise<DatagramSocket> } {
  const socket = new PlainSocket(ends, options, owner);
  const ready = socket.bound();
  // Who connects does not wait for it.
  ready.catch(() => {});
  socket.start(ends);
  return { socket, ready };
}
