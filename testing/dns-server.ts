/**
 * A DNS server on 127.0.0.1 that says what a test tells it to, over UDP and TCP on one port.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Answer, decode, encode, type Packet, type Question, streamDecode, streamEncode } from 'dns-packet';
import type { Scope } from '#testing/scope.ts';

/** `udp A one.test`: how it was asked, for what and for whom. */
export type DnsQuery = `${'udp' | 'tcp'} ${string}`;

export interface DnsReply {
  /** `NXDOMAIN` and the like; NOERROR unless said. */
  rcode?: keyof typeof RCODES;
  /** Says that there is more over TCP. */
  truncated?: boolean;
  answers?: Answer[];
}

/** Decides on the reply: undefined is silence. */
export type DnsZone = (question: Question, query: DnsQuery) => DnsReply | undefined;

export interface DnsServer {
  port: number;
  address: string;
  /** What was asked so far. */
  queries: DnsQuery[];
}

const RCODES = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const TRUNCATED = 0x0200;
const RECURSION = 0x0180;

export async function startDnsServer(t: Scope, zone: DnsZone): Promise<DnsServer> {
  const queries: DnsQuery[] = [];
  const reply = (packet: Packet, over: 'udp' | 'tcp'): Packet | undefined => {
    const question = packet.questions?.[0];
    if (question === undefined) return undefined;
    const query: DnsQuery = `${over} ${question.type} ${question.name}`;
    queries.push(query);
    const said = zone(question, query);
    if (said === undefined) return undefined;
    const flags = RECURSION | (said.truncated ? TRUNCATED : 0) | RCODES[said.rcode ?? 'NOERROR'];
    return { id: packet.id, type: 'response', flags, questions: [question], answers: said.answers ?? [] };
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const answer = reply(streamDecode(bytes), 'tcp');
      if (answer !== undefined) socket.write(streamEncode(answer));
    });
    t.after(() => void socket.destroy());
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    const answer = reply(decode(bytes), 'udp');
    if (answer !== undefined) udp.send(encode(answer), from.port, from.address);
  });
  udp.bind(port, '127.0.0.1');
  await once(udp, 'listening');
  t.after(() => {
    udp.close();
    tcp.close();
  });
  return { port, address: `127.0.0.1:${port}`, queries };
}

/** Records of one name: addresses of both versions, sorted out by what is asked. */
export function addressRecords(question: Question, addresses: readonly string[], ttl = 60): DnsReply {
  const version = (address: string) => (address.includes(':') ? 'AAAA' : 'A');
  const answers = addresses.filter((address) => version(address) === question.type);
  return { answers: answers.map((data) => ({ type: question.type, name: question.name, ttl, data })) };
}
