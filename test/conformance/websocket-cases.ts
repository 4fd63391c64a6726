/** What a WebSocket has to do through a proxy (RFC 6455): messages, control frames, the end of it, and what it may cost. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { RawData, WebSocket } from 'ws';
import { eventually } from '#testing/eventually.ts';
import { type Ends, IDLE, SMALL, type Way } from './websocket-way.ts';

/** One claim; what fails throws. */
export interface WebSocketCase {
  claim: string;
  run(way: Way): Promise<void>;
}

const MEGABYTE = 1024 * 1024;
/** Bytes that one end sends while the other does not read: more than kernels and windows hold. */
const FLOOD = 96 * MEGABYTE;
/** What may have gone out of the sender's hands by then: buffers of kernels, windows of HTTP/2, the proxy's own. */
const FLOOD_HELD = 64 * MEGABYTE;
/** What the proxy may keep of it: one window of a stream (16 MiB, Envoy's default) and its buffers. */
const PROXY_HELD = 48 * MEGABYTE;

interface Message {
  data: Buffer;
  isBinary: boolean;
}

/** Collects messages. @returns settles when so many have come; fails when the WebSocket ends before */
function messages(socket: WebSocket, count: number): Promise<Message[]> {
  return new Promise((resolve, reject) => {
    const all: Message[] = [];
    const take = (data: RawData, isBinary: boolean): void => {
      all.push({ data: data as Buffer, isBinary });
      if (all.length < count) return;
      socket.off('message', take).off('close', closed);
      resolve(all);
    };
    const closed = (code: number): void =>
      reject(new Error(`closed with ${code} after ${all.length} of ${count} messages`));
    socket.on('message', take).on('close', closed);
  });
}

async function closing(socket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = await once(socket, 'close');
  return [code, String(reason)];
}

/** Sends to both sides in turn, and looks at what arrives. */
async function bothWays({ client, server }: Ends, data: string | Buffer): Promise<void> {
  for (const [from, to] of [
    [client, server],
    [server, client],
  ]) {
    const arrived = messages(to, 1);
    from.send(data);
    const [message] = await arrived;
    assert.equal(message.isBinary, typeof data !== 'string');
    assert.ok(message.data.equals(Buffer.from(data)), `${data.length} bytes came as ${message.data.length} others`);
  }
}

async function end({ client, server }: Ends): Promise<void> {
  const ended = [closing(client), closing(server)];
  client.close(1000);
  await Promise.all(ended);
}

async function gaugesFall(way: Way): Promise<void> {
  await eventually('no tunnel is counted', async () => {
    const stats = await way.proxy.stats('^(http\\.in|cluster\\.c)\\..*(upgrades|rq)_active$');
    return Object.values(stats).every((value) => value === 0);
  });
}

/** Codes that an endpoint may send (RFC 6455, section 7.4, and those registered since), and a private one. */
const CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999];

async function slowReader(way: Way, from: keyof Ends, to: keyof Ends): Promise<void> {
  const ends = await way.open();
  const before = way.residentBytes();
  const piece = randomBytes(MEGABYTE);
  ends[to].pause();
  let received = 0;
  ends[to].on('message', (data: Buffer) => {
    received += data.length;
  });
  for (let sent = 0; sent < FLOOD; sent += MEGABYTE) ends[from].send(piece);
  let last = -1;
  let still = 0;
  await eventually('the sender is held back', () => {
    still = ends[from].bufferedAmount === last ? still + 1 : 0;
    last = ends[from].bufferedAmount;
    return still > 12;
  });
  assert.ok(FLOOD - last < FLOOD_HELD, `${((FLOOD - last) / MEGABYTE).toFixed(1)} MiB went out of the sender's hands`);
  const kept = way.residentBytes() - before;
  assert.ok(kept < PROXY_HELD, `the proxy grew by ${(kept / MEGABYTE).toFixed(1)} MiB`);
  ends[to].resume();
  await eventually('all of it arrives', () => received === FLOOD, 15_000);
  await end(ends);
}

export const webSocketCases: readonly WebSocketCase[] = [
  {
    claim: 'text, binary and empty messages of every length form arrive as they were sent',
    async run(way) {
      const ends = await way.open();
      for (const text of ['', 'a', 'zwölf Boxkämpfer', '\0', 'x'.repeat(70_000)]) await bothWays(ends, text);
      for (const size of [0, 1, 125, 126, 127, 16_383, 16_384, 65_535, 65_536, 200_000])
        await bothWays(ends, randomBytes(size));
      await end(ends);
    },
  },
  {
    claim: 'fragments make one message, with control frames between them, empty ones too',
    async run(way) {
      const ends = await way.open();
      for (const [from, to] of [
        [ends.client, ends.server],
        [ends.server, ends.client],
      ]) {
        const arrived = messages(to, 2);
        const pinged = once(to, 'ping');
        const ponged = once(from, 'pong');
        for (const part of ['one', '', ' two', ' three']) from.send(part, { fin: false });
        from.ping('between');
        from.send('', { fin: true });
        const parts = Array.from({ length: 50 }, () => randomBytes(3000));
        parts.forEach((part, i) => void from.send(part, { fin: i === parts.length - 1 }));
        const [text, binary] = await arrived;
        assert.equal(String(text.data), 'one two three');
        assert.equal(text.isBinary, false);
        assert.ok(binary.data.equals(Buffer.concat(parts)) && binary.isBinary);
        assert.equal(String((await pinged)[0]), 'between');
        assert.equal(String((await ponged)[0]), 'between');
      }
      await end(ends);
    },
  },
  {
    claim: 'pings are answered by the far end, unasked pongs pass, with up to 125 bytes',
    async run(way) {
      const ends = await way.open();
      for (const [from, to] of [
        [ends.client, ends.server],
        [ends.server, ends.client],
      ]) {
        for (const payload of ['', 'p', 'p'.repeat(125)]) {
          const ponged = once(from, 'pong');
          from.ping(payload);
          assert.equal(String((await ponged)[0]), payload);
          const unasked = once(to, 'pong');
          from.pong(payload);
          assert.equal(String((await unasked)[0]), payload);
        }
      }
      await end(ends);
    },
  },
  {
    claim: 'every close code passes with its reason, from either end',
    async run(way) {
      for (const from of ['client', 'server'] as const) {
        await Promise.all(
          CODES.map(async (code) => {
            const ends = await way.open();
            const ended = [closing(ends.client), closing(ends.server)];
            ends[from].close(code, `because of ${code}`);
            for (const one of await Promise.all(ended)) assert.deepEqual(one, [code, `because of ${code}`]);
          }),
        );
      }
    },
  },
  {
    claim: 'a close without a code, and one with the longest reason, pass',
    async run(way) {
      for (const from of ['client', 'server'] as const) {
        const bare = await way.open();
        const ended = [closing(bare.client), closing(bare.server)];
        bare[from].close();
        for (const one of await Promise.all(ended)) assert.deepEqual(one, [1005, '']);
        const long = await way.open();
        const reason = 'r'.repeat(123);
        const told = [closing(long.client), closing(long.server)];
        long[from].close(1000, reason);
        for (const one of await Promise.all(told)) assert.deepEqual(one, [1000, reason]);
      }
    },
  },
  {
    claim: 'what was sent before the close arrives before it',
    async run(way) {
      for (const [from, to] of [
        ['client', 'server'],
        ['server', 'client'],
      ] as const) {
        const ends = await way.open();
        const arrived = messages(ends[to], 20);
        const ended = closing(ends[to]);
        for (let i = 0; i < 20; i++) ends[from].send(Buffer.alloc(50_000, i));
        ends[from].close(1001);
        assert.deepEqual(
          (await arrived).map(({ data }) => [data.length, data[49_999]]),
          Array.from({ length: 20 }, (_, i) => [50_000, i]),
        );
        assert.equal((await ended)[0], 1001);
      }
    },
  },
  {
    claim: 'a message of 1 MiB passes both ways at once, in one frame and in many',
    async run(way) {
      const ends = await way.open();
      const [up, down] = [randomBytes(MEGABYTE), randomBytes(MEGABYTE)];
      const arrived = [messages(ends.server, 2), messages(ends.client, 2)];
      ends.client.send(up);
      ends.server.send(down);
      for (let at = 0; at < MEGABYTE; at += 10_000) {
        const fin = at + 10_000 >= MEGABYTE;
        ends.client.send(up.subarray(at, at + 10_000), { fin });
        ends.server.send(down.subarray(at, at + 10_000), { fin });
      }
      const [atServer, atClient] = await Promise.all(arrived);
      for (const { data } of atServer) assert.ok(data.equals(up));
      for (const { data } of atClient) assert.ok(data.equals(down));
      await end(ends);
    },
  },
  {
    claim: 'many messages back to back keep their order',
    async run(way) {
      const COUNT = 5000;
      const ends = await way.open();
      const arrived = [messages(ends.server, COUNT), messages(ends.client, COUNT)];
      for (let i = 0; i < COUNT; i++) {
        ends.client.send(`up ${i}`);
        ends.server.send(`down ${i}`);
      }
      const [atServer, atClient] = await Promise.all(arrived);
      atServer.forEach(({ data }, i) => void assert.equal(String(data), `up ${i}`));
      atClient.forEach(({ data }, i) => void assert.equal(String(data), `down ${i}`));
      await end(ends);
    },
  },
  {
    claim: 'many WebSockets at once never mix',
    async run(way) {
      const all = await Promise.all(Array.from({ length: 30 }, () => way.open()));
      await Promise.all(
        all.map(async ({ client, server }, i) => {
          server.on('message', (data) => server.send(data));
          const back = messages(client, 30);
          for (let n = 0; n < 30; n++) client.send(Buffer.alloc(1000 * n, i));
          (await back).forEach(({ data }, n) => void assert.ok(data.equals(Buffer.alloc(1000 * n, i))));
        }),
      );
      await Promise.all(all.map(end));
      await gaugesFall(way);
    },
  },
  {
    claim: 'compression is agreed on by the ends alone, and passes',
    async run(way) {
      const ends = await way.open('/deflate', { perMessageDeflate: { threshold: 0 } });
      assert.match(ends.client.extensions, /^permessage-deflate/);
      assert.equal(ends.server.extensions, ends.client.extensions);
      for (const text of ['', 'again and '.repeat(50_000), 'again']) await bothWays(ends, text);
      await bothWays(ends, randomBytes(100_000));
      await end(ends);
      const without = await way.open('/', { perMessageDeflate: true });
      assert.equal(without.client.extensions, '');
      await end(without);
    },
  },
  {
    claim: 'the subprotocol that the server chose reaches the client',
    async run(way) {
      const ends = await way.open('/', {}, 'in', ['graphql-transport-ws', 'mqtt']);
      assert.equal(ends.client.protocol, 'graphql-transport-ws');
      assert.equal(ends.server.protocol, 'graphql-transport-ws');
      await end(ends);
    },
  },
  {
    claim: 'a server that refuses is heard, status and body',
    async run(way) {
      // Over HTTP/2 an answer of 200 agrees; over HTTP/1.1 it comes without its body, as through Envoy.
      const answers = way.kind.client === 1 && way.kind.server === 1 ? ['/refuse', '/answer'] : ['/refuse'];
      for (const path of answers) {
        const client = await way.dial(path);
        client.on('error', () => {});
        const [, response] = await once(client, 'unexpected-response');
        let body = '';
        for await (const piece of response) body += piece;
        assert.deepEqual([response.statusCode, body], path === '/refuse' ? [403, 'never'] : [200, '']);
        client.terminate();
      }
      await gaugesFall(way);
    },
  },
  {
    claim: 'a message that the server finds too large is its own affair: 1009 reaches the client',
    async run(way) {
      const ends = await way.open('/small');
      const ended = closing(ends.client);
      ends.client.send(Buffer.alloc(SMALL + 1));
      assert.equal((await ended)[0], 1009);
    },
  },
  {
    claim: 'the idle timeout leaves a WebSocket alone where something moves, and ends one where nothing does',
    async run(way) {
      const live = await way.open('/', {}, 'hasty');
      const dead = await way.open('/', {}, 'hasty');
      const deadEnds = Promise.all([closing(dead.client), closing(dead.server)]);
      const began = performance.now();
      let pongs = 0;
      live.client.on('pong', () => pongs++);
      while (performance.now() - began < 3 * IDLE) {
        live.client.ping();
        await pause(IDLE / 8);
      }
      assert.deepEqual(
        (await deadEnds).map(([code]) => code),
        [1006, 1006],
      );
      assert.ok(pongs > 8);
      await bothWays(live, 'still here');
      await end(live);
      await gaugesFall(way);
    },
  },
  {
    claim: 'an end that vanishes is told to the other, and nothing stays behind',
    async run(way) {
      for (const [gone, left] of [
        ['client', 'server'],
        ['server', 'client'],
      ] as const) {
        const ends = await way.open();
        await bothWays(ends, 'hello');
        const ended = closing(ends[left]);
        ends[gone].terminate();
        assert.equal((await ended)[0], 1006);
      }
      await gaugesFall(way);
    },
  },
  { claim: 'a client that reads slowly holds the server back', run: (way) => slowReader(way, 'server', 'client') },
  { claim: 'a server that reads slowly holds the client back', run: (way) => slowReader(way, 'client', 'server') },
];
