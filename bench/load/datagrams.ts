/**
 * The load of UDP and the service behind it, each a process on the core of the load:
 *   datagrams.ts echo                  sends everything back; prints its port
 *   datagrams.ts sink                  reads and forgets; prints its port
 *   datagrams.ts load PORT SECONDS     64 clients with 4 datagrams of 100 bytes each under way; prints how many came back
 *   datagrams.ts flood PORT SECONDS    64 clients that send as much as they can
 */
import type { Datagram, DatagramSocket, IpAddress } from '#proxy/transport/datagrams/datagram-socket.ts';
import { bindDatagrams, connectDatagrams } from '#proxy/transport/datagrams/open-datagrams.ts';

const CLIENTS = 64;
const UNDER_WAY = 4;
const SIZE = 100;
const MAX_SIZE = 1500;
/** A client that heard nothing for so long sends anew what was lost. */
const PATIENCE_MS = 200;

const ignored = { onSent() {}, onSendFailed() {} };

function local(port: number): IpAddress {
  return { kind: 'ip', address: '127.0.0.1', port, protocol: 'UDP', ipv4Compat: false };
}

async function serve(answers: boolean): Promise<void> {
  const socket: DatagramSocket = await bindDatagrams(
    local(0),
    { maxSize: MAX_SIZE },
    {
      onDatagram(datagram) {
        if (answers) socket.forward(datagram, datagram.peer(), ignored);
      },
      onTruncated() {},
      onReadError() {},
    },
  );
  console.log(socket.local.port);
}

class Client {
  private readonly socket: DatagramSocket;
  private heard = performance.now();
  received = 0;

  constructor(port: number) {
    this.socket = connectDatagrams(local(port), undefined, { maxSize: MAX_SIZE }, this);
    this.begin();
  }

  onDatagram(datagram: Datagram): void {
    this.received++;
    this.heard = performance.now();
    this.socket.forward(datagram, undefined, ignored);
  }

  onTruncated(): void {}

  onReadError(): void {}

  lookAfter(now: number): void {
    if (now - this.heard > PATIENCE_MS) this.begin();
  }

  private begin(): void {
    this.heard = performance.now();
    const bytes = Buffer.alloc(SIZE, 'x');
    for (let i = 0; i < UNDER_WAY; i++) this.socket.send(bytes, undefined, ignored);
  }
}

function load(port: number, seconds: number): void {
  const clients = Array.from({ length: CLIENTS }, () => new Client(port));
  setInterval(() => {
    const now = performance.now();
    for (const client of clients) client.lookAfter(now);
  }, PATIENCE_MS);
  setTimeout(() => {
    console.log(clients.reduce((sum, { received }) => sum + received, 0));
    process.exit();
  }, seconds * 1000);
}

function flood(port: number, seconds: number): void {
  const owner = { onDatagram() {}, onTruncated() {}, onReadError() {} };
  const sockets = Array.from({ length: CLIENTS }, () =>
    connectDatagrams(local(port), undefined, { maxSize: MAX_SIZE }, owner),
  );
  const bytes = Buffer.alloc(SIZE, 'x');
  const end = performance.now() + seconds * 1000;
  const turn = () => {
    for (const socket of sockets) for (let i = 0; i < UNDER_WAY; i++) socket.send(bytes, undefined, ignored);
    if (performance.now() > end) process.exit();
    setImmediate(turn);
  };
  turn();
}

const [mode, port, seconds] = process.argv.slice(2);
if (mode === 'echo' || mode === 'sink') await serve(mode === 'echo');
else if (mode === 'flood') flood(Number(port), Number(seconds));
else load(Number(port), Number(seconds));
