import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type {
  DatagramEnds,
  DatagramOptions,
  DatagramOwner,
  DatagramSocket,
  IpAddress,
} from '#proxy/transport/datagrams/datagram-socket.ts';
import { type Native, nativeCalls } from '#proxy/transport/datagrams/libc.ts';
import { openNativeSocket } from '#proxy/transport/datagrams/native-socket.ts';
import { openPlainSocket } from '#proxy/transport/datagrams/plain-socket.ts';
import { eventually } from '#testing/eventually.ts';

type Open = (ends: DatagramEnds, options: DatagramOptions, owner: DatagramOwner) => Promise<DatagramSocket>;

const KINDS: [string, Open | undefined][] = [
  ['native', nativeCalls() && (async (...given) => openNativeSocket(nativeCalls() as Native, ...given))],
  ['plain', (...given) => openPlainSocket(...given).ready],
];

function at(port: number, address = '127.0.0.1'): IpAddress {
  return { kind: 'ip', address, port, protocol: 'UDP', ipv4Compat: false };
}

/** Writes down what it hears. */
class Listener implements DatagramOwner {
  readonly heard: string[] = [];
  sent = 0;
  failed = 0;
  private readonly answer: ((text: string) => void) | undefined;

  constructor(answer?: (text: string) => void) {
    this.answer = answer;
  }

  onDatagram: DatagramOwner['onDatagram'] = (datagram) => {
    this.heard.push(datagram.bytes().toString());
    this.answer?.(datagram.bytes().toString());
  };

  onTruncated(count: number): void {
    this.heard.push(`${count} truncated`);
  }

  onReadError(code: string): void {
    this.heard.push(code);
  }

  onSent(): void {
    this.sent++;
  }

  onSendFailed(): void {
    this.failed++;
  }
}

function closing(t: TestContext, socket: DatagramSocket): DatagramSocket {
  t.after(() => socket.close());
  return socket;
}

for (const [kind, open] of KINDS) {
  if (open === undefined) continue;
  for (const host of ['127.0.0.1', '::1', '0.0.0.0', '::']) {
    test(`${kind}: what came to ${host} goes back to who sent it, from where it came to`, async (t) => {
      const owner = new Listener();
      owner.onDatagram = (datagram) => {
        owner.heard.push(datagram.bytes().toString());
        server.forward(datagram, datagram.peer(), owner);
      };
      const server = closing(t, await open({ bind: at(0, host) }, { maxSize: 1500 }, owner));
      const there = host.includes(':') ? '::1' : '127.0.0.1';
      const clients = [new Listener(), new Listener()];
      for (const [i, client] of clients.entries()) {
        const ends = { bind: at(0, there), connect: at(server.local.port, there) };
        const socket = closing(t, await open(ends, { maxSize: 1500 }, client));
        for (let n = 0; n < 100; n++) socket.send(Buffer.from(`${i} ${n}`), undefined, client);
      }
      await eventually('all are back', () => clients.every(({ heard }) => heard.length === 100));
      const expected = (i: number) => Array.from({ length: 100 }, (_, n) => `${i} ${n}`);
      for (const [i, client] of clients.entries()) {
        assert.deepEqual(client.heard.toSorted(byNumber), expected(i));
        assert.equal(client.sent, 100);
      }
      assert.equal(owner.sent, 200);
    });
  }

  test(`${kind}: a datagram longer than the limit is told of, one as long as it is read`, async (t) => {
    const owner = new Listener();
    const server = closing(t, await open({ bind: at(0) }, { maxSize: 8 }, owner));
    const client = new Listener();
    const socket = closing(t, await open({ bind: at(0), connect: at(server.local.port) }, { maxSize: 8 }, client));
    socket.send(Buffer.from('123456789'), undefined, client);
    socket.send(Buffer.from('12345678'), undefined, client);
    await eventually('both are there', () => owner.heard.length === 2);
    assert.deepEqual(owner.heard.toSorted(), ['1 truncated', '12345678']);
  });

  test(`${kind}: where nobody is, a connected socket hears of it and goes on`, async (t) => {
    const gone = await open({ bind: at(0) }, { maxSize: 1500 }, new Listener());
    const { port } = gone.local;
    gone.close();
    const client = new Listener();
    const socket = closing(t, await open({ bind: at(0), connect: at(port) }, { maxSize: 1500 }, client));
    socket.send(Buffer.from('a'), undefined, client);
    await eventually('it is told', () => client.heard.length > 0);
    assert.deepEqual(client.heard, ['ECONNREFUSED']);
    const late = new Listener();
    closing(t, await open({ bind: at(port) }, { maxSize: 1500 }, late));
    socket.send(Buffer.from('b'), undefined, client);
    await eventually('it arrives', () => late.heard.length > 0);
  });

  test(`${kind}: an address that is taken is refused, unless both share it`, async (t) => {
    const first = closing(t, await open({ bind: at(0) }, { maxSize: 1500, reusePort: true }, new Listener()));
    const { port } = first.local;
    closing(t, await open({ bind: at(port) }, { maxSize: 1500, reusePort: true }, new Listener()));
    await assert.rejects(open({ bind: at(port, '192.0.2.1') }, { maxSize: 1500 }, new Listener()), {
      code: 'EADDRNOTAVAIL',
    });
  });
}

function byNumber(one: string, other: string): number {
  return Number(one.split(' ')[1]) - Number(other.split(' ')[1]);
}
