import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as netConnect, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { descriptorOf, HandleChannel, type PassedSocket } from '#proxy/transport/handle-channel.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

type Line = [line: string, socket: PassedSocket | undefined];

/** Waits for the next lines of a channel. */
function linesOf(channel: HandleChannel): () => Promise<Line> {
  const lines: Line[] = [];
  let wake = () => {};
  channel.onLine = (...line) => {
    lines.push(line);
    wake();
  };
  return async () => {
    while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return lines.shift() as Line;
  };
}

/** A listening end whose accepted connections are channels, or plain sockets for who writes bytes. */
async function listen(t: TestContext, path: string): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }).listen(path);
  t.after(() => void server.close());
  await once(server, 'listening');
  return server;
}

async function pair(t: TestContext): Promise<[HandleChannel, HandleChannel]> {
  const path = join(temporaryFolder(t), 'socket');
  const server = await listen(t, path);
  const [ours, [socket]] = await Promise.all([HandleChannel.connect(path), once(server, 'connection')]);
  const theirs = HandleChannel.accepted(socket);
  t.after(() => ours.close());
  t.after(() => theirs.close());
  return [ours, theirs];
}

test('lines arrive whole and in order, in both directions', async (t) => {
  const [ours, theirs] = await pair(t);
  const [next, nextOfOurs] = [linesOf(theirs), linesOf(ours)];
  const long = 'x'.repeat(300_000);
  for (const line of ['one', '', 'zwei \u00e4\u20ac\u{1f600}', long]) ours.send(line);
  for (const line of ['one', '', 'zwei \u00e4\u20ac\u{1f600}', long]) assert.deepEqual(await next(), [line, undefined]);
  theirs.send('answer');
  assert.deepEqual(await nextOfOurs(), ['answer', undefined]);
});

test('a line that comes a byte at a time is one line, with the characters that it had', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const server = await listen(t, path);
  const raw = netConnect(path);
  const [socket] = await once(server, 'connection');
  const channel = HandleChannel.accepted(socket);
  t.after(() => channel.close());
  const next = linesOf(channel);
  for (const byte of Buffer.from('h\u00e9\u20ac\nb')) {
    raw.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  raw.end('c\n');
  assert.deepEqual(await next(), ['h\u00e9\u20ac', undefined]);
  assert.deepEqual(await next(), ['bc', undefined]);
});

test("the other end's close is told once, and nothing can be sent any more", async (t) => {
  const [ours, theirs] = await pair(t);
  const closed = new Promise<void>((resolve) => (theirs.onClose = resolve));
  ours.close();
  ours.close();
  ours.send('late');
  await closed;
  theirs.send('late');
});

test('where nobody listens, the connection fails', async (t) => {
  await assert.rejects(HandleChannel.connect(join(temporaryFolder(t), 'nobody')), /nobody listens there/);
  await assert.rejects(HandleChannel.connect(`\0fairlead-test-${process.pid}-nobody`), /nobody listens there/);
});

test('a listening socket goes to another process, which serves clients that connect to it', async (t) => {
  const path = join(temporaryFolder(t), 'socket');
  const server = await listen(t, path);
  const child = spawn(process.execPath, ['--input-type=module', '-e', CHILD], {
    env: { ...process.env, CHANNEL: path, MODULE: import.meta.resolve('#proxy/transport/handle-channel.ts') },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  t.after(() => void child.kill());
  const [socket] = await once(server, 'connection');
  const channel = HandleChannel.accepted(socket);
  t.after(() => channel.close());
  const next = linesOf(channel);

  const listener = createServer().listen(0, '127.0.0.1');
  t.after(() => void listener.close());
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  channel.send('before');
  channel.send('take', { fd: descriptorOf(listener), kind: 'tcp' });
  assert.deepEqual(await next(), ['got before', undefined]);
  assert.deepEqual(await next(), ['listening tcp', undefined]);
  listener.close();
  const client = netConnect(port, '127.0.0.1');
  t.after(() => void client.destroy());
  const [answer] = await once(client, 'data');
  assert.equal(String(answer), 'from the child');
  assert.ok(client instanceof Socket);
});

/** Takes a listening socket over, and says so. */
const CHILD = `
import { createServer } from 'node:net';
const { HandleChannel } = await import(process.env.MODULE);
const channel = await HandleChannel.connect(process.env.CHANNEL);
channel.onLine = (line, socket) => {
  if (socket === undefined) return channel.send('got ' + line);
  createServer((client) => client.end('from the child')).listen({ fd: socket.fd }, () => channel.send('listening ' + socket.kind));
};
channel.onClose = () => process.exit();
`;
