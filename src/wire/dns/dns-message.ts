/**
 * Questions of DNS as they come, and answers as they leave. Nothing but one question is read: hostile bytes have no more to hold on to.
 * Follows RFC 1035, section 4, and RFC 3596 (AAAA).
 */

export const RecordType = { A: 1, AAAA: 28, SRV: 33 } as const;

/** What an answer says of how it went (RFC 1035, section 4.1.1). */
export const Rcode = { NoError: 0, FormatError: 1, NameError: 3, NotImplemented: 4 } as const;

const HEADER = 12;
const CLASS_IN = 1;
const MAX_NAME = 255;
const MAX_LABEL = 63;
const RESPONSE = 0x8000;
/** Opcode and recursion desired are handed back. */
const KEPT_FLAGS = 0x7900;
const RECURSION_AVAILABLE = 0x0080;

export interface DnsQuestion {
  id: number;
  flags: number;
  /** As it was asked, without a dot at its end. */
  name: string;
  type: number;
  /** The question as it came. */
  bytes: Buffer;
  /** Records stand behind it, such as OPT. */
  hasAdditional: boolean;
}

/** Why something is no question: `records` that only answers have, or not one question. */
export type DnsFailure = 'short' | 'records' | 'counts' | 'question';

/** What can be said of a message that is none: enough to refuse it. */
export interface DnsRefused {
  failure: DnsFailure;
  id: number;
  flags: number;
}

export function readDnsQuestion(message: Buffer): DnsQuestion | DnsRefused {
  const id = message.length >= 2 ? message.readUInt16BE(0) : 0;
  const flags = message.length >= 4 ? message.readUInt16BE(2) : 0;
  const refused = (failure: DnsFailure): DnsRefused => ({ failure, id, flags });
  if (message.length < HEADER) return refused('short');
  const [questions, answers, authorities, additional] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if ((flags & RESPONSE) !== 0 || answers > 0 || authorities > 0) return refused('records');
  if (questions !== 1) return refused('counts');
  const read = readName(message, HEADER);
  if (read === undefined || read.end + 4 > message.length) return refused('question');
  const type = message.readUInt16BE(read.end);
  if (message.readUInt16BE(read.end + 2) !== CLASS_IN) return refused('question');
  const bytes = Buffer.from(message.subarray(HEADER, read.end + 4));
  return { id, flags, name: read.name, type, bytes, hasAdditional: additional > 0 };
}

/** A name that is written out: a question comes first, there is nothing that it could point to. */
function readName(message: Buffer, from: number): { name: string; end: number } | undefined {
  const labels: string[] = [];
  let at = from;
  for (;;) {
    if (at >= message.length) return undefined;
    const length = message[at++];
    if (length === 0) break;
    if (length > MAX_LABEL || at + length > message.length || at + length - from > MAX_NAME) return undefined;
    labels.push(message.latin1Slice(at, at + length));
    at += length;
  }
  return labels.length === 0 ? undefined : { name: labels.join('.'), end: at };
}

export interface DnsRecord {
  /** Seconds. */
  ttl: number;
  /** An address of the kind that was asked for, as bytes. */
  data: Buffer;
}

/** An answer to a question; the name of each record is that of the question. @param recursion others are asked too */
export function encodeDnsAnswer(
  question: DnsQuestion,
  rcode: number,
  records: readonly DnsRecord[],
  recursion: boolean,
): Buffer {
  const name = question.bytes.subarray(0, -4);
  const parts = [header(question, rcode | recursionFlag(recursion), 1, records.length), question.bytes];
  for (const { ttl, data } of records) {
    const fixed = Buffer.alloc(10);
    fixed.writeUInt16BE(question.type, 0);
    fixed.writeUInt16BE(CLASS_IN, 2);
    fixed.writeUInt32BE(ttl, 4);
    fixed.writeUInt16BE(data.length, 8);
    parts.push(name, fixed, data);
  }
  return Buffer.concat(parts);
}

/** What is sent where nothing was asked that can be answered. */
export function encodeDnsRefusal(refused: DnsRefused, recursion: boolean): Buffer {
  return header(refused, Rcode.FormatError | recursionFlag(recursion), 0, 0);
}

function recursionFlag(recursion: boolean): number {
  return recursion ? RECURSION_AVAILABLE : 0;
}

function header(
  { id, flags }: { id: number; flags: number },
  ownFlags: number,
  questions: number,
  answers: number,
): Buffer {
  const bytes = Buffer.alloc(HEADER);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(RESPONSE | (flags & KEPT_FLAGS) | ownFlags, 2);
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
}
