/** A host that ends connections as its clients tell it to, for tests of how connections end; and the clients. */
import type { Socket } from 'node:net';
import { eventually } from '#testing/eventually.ts';
import type { WireClient } from '#testing/wire-client.ts';
import type { TcpActing } from './compare-tcp.ts';

/** By words in what comes; else it answers. */
export function obey(socket: Socket): void {
  socket.on('end', () => socket.end());
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.latin1Slice();
    if (text.includes('reset')) socket.resetAndDestroy();
    else if (text.includes('end')) socket.end();
    else if (text.includes('half')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
    else if (text.includes('broken'))
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbro', () => socket.end());
    else if (text.includes('garbage')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n');
    else if (text.includes('refuse')) socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
    else if (text.includes('CONNECT')) socket.write('HTTP/1.1 200 OK\r\n\r\n');
    else if (text.includes('/wait')) return;
    else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
  });
}

export async function send(wire: WireClient, text: string): Promise<WireClient> {
  await wire.send(text);
  return wire;
}

export async function answered(wire: WireClient, text: string): Promise<WireClient> {
  await send(wire, text);
  await eventually('an answer', () => wire.received.length > 0);
  return wire;
}

/** Sends a request that the host, which is called `c`, does not answer, and returns when the host has it. */
export async function waiting(wire: WireClient, { c }: TcpActing['upstreams']): Promise<WireClient> {
  const before = c.received.join('').length;
  await send(wire, get('/wait'));
  await eventually('the host has it', () => c.received.join('').length > before);
  return wire;
}

export function get(path: string, ...headers: string[]): string {
  return `GET ${path} HTTP/1.1\r\nhost: a\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
}
