/**
 * One question to one DNS server, over UDP or TCP. Follows RFC 1035, section 4.2, and RFC 5452 (answers that count).
 */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Packet } from 'dns-packet';
import type { Schedule } from '#base/timers.ts';

export type RecordType = 'A' | 'AAAA';

export interface Exchange {
  /** `ip:port`. */
  server: string;
  name: string;
  type: RecordType;
  /** Milliseconds. */
  timeout: number;
  schedule: Schedule;
  /** Gives up: the answer is then `failed`. */
  signal: AbortSignal;
}

export type Exchanged = Packet | 'timeout' | 'failed';

/** Loaded when a server is asked for the first time. */
async function dnsPacket() {
  return (await import('dns-packet')).default;
}

export async function exchangeOverUdp(exchange: Exchange): Promise<Exchanged> {
  const { encode, decode } = await dnsPacket();
  const { host, port } = splitServer(exchange.server);
  const question = await questionOf(exchange);
  return await untilAnswered(exchange, (answered) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', () => answered('failed'));
    socket.on('message', (message) => {
      const packet = decoded(decode, message);
      if (packet !== undefined && answers(packet, question)) answered(packet);
    });
    // Connected: the kernel drops what another address sends, and says when nobody listens.
    socket.connect(port, host, () => socket.send(encode(question)));
    return () => socket.close();
  });
}

export async function exchangeOverTcp(exchange: Exchange): Promise<Exchanged> {
  const { streamEncode, streamDecode } = await dnsPacket();
  const { host, port } = splitServer(exchange.server);
  const question = await questionOf(exchange);
  return await untilAnswered(exchange, (answered) => {
    const socket = connect({ host, port });
    let received: Buffer = Buffer.alloc(0);
    socket.on('connect', () => socket.write(streamEncode(question)));
    socket.on('error', () => answered('failed'));
    socket.on('close', () => answered('failed'));
    socket.on('data', (part: Buffer) => {
      received = Buffer.concat([received, part]);
      if (received.length < 2 || received.length < received.readUInt16BE() + 2) return;
      const packet = decoded(streamDecode, received);
      answered(packet !== undefined && answers(packet, question) ? packet : 'failed');
    });
    return () => socket.destroy();
  });
}

/** Waits for the first of: an answer, the timeout, the signal. @param start gets what to call, and returns how to clean up. */
function untilAnswered(
  { timeout, schedule, signal }: Exchange,
  start: (answered: (result: Exchanged) => void) => () => void,
): Promise<Exchanged> {
  return new Promise((resolve) => {
    let done = false;
    const answered = (result: Exchanged): void => {
      if (done) return;
      done = true;
      cancel();
      signal.removeEventListener('abort', abort);
      close();
      resolve(result);
    };
    const abort = () => answered('failed');
    const cancel = schedule(timeout, () => answered('timeout'));
    const close = start(answered);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  });
}

async function questionOf({ name, type }: Exchange): Promise<Packet> {
  const { RECURSION_DESIRED } = await dnsPacket();
  const questions = [{ type, name, class: 'IN' }];
  return { type: 'query', id: randomInt(0x1_0000), flags: RECURSION_DESIRED, questions };
}

function decoded(decode: (bytes: Buffer) => Packet, bytes: Buffer): Packet | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whether it is the answer to this question, and not somebody's guess at one. */
function answers({ id, type, questions = [] }: Packet, asked: Packet): boolean {
  const [mine] = asked.questions ?? [];
  return (
    id === asked.id &&
    type === 'response' &&
    questions.length === 1 &&
    questions[0].type === mine.type &&
    questions[0].name.toLowerCase() === mine.name.toLowerCase()
  );
}

function splitServer(server: string): { host: string; port: number } {
  const colon = server.lastIndexOf(':');
  return { host: server.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(server.slice(colon + 1)) };
}
