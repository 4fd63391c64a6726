/** The part of dns-packet that we use: it comes without types. */
declare module 'dns-packet' {
  export interface Question {
    type: string;
    name: string;
    class?: string;
  }
  export interface Answer {
    type: string;
    name: string;
    ttl?: number;
    class?: string;
    /** An address, or a name, by type. */
    data?: unknown;
  }
  export interface Packet {
    id?: number;
    type?: 'query' | 'response';
    flags?: number;
    flag_tc?: boolean;
    rcode?: string;
    questions?: Question[];
    answers?: Answer[];
  }
  export function encode(packet: Packet): Buffer;
  export function decode(buffer: Buffer): Packet;
  /** With the length before it, as over TCP. */
  export function streamEncode(packet: Packet): Buffer;
  export function streamDecode(buffer: Buffer): Packet;
  export const RECURSION_DESIRED: number;
  /** The whole module: the only export that is there in the build too. */
  const all: {
    encode: typeof encode;
    decode: typeof decode;
    streamEncode: typeof streamEncode;
    streamDecode: typeof streamDecode;
    RECURSION_DESIRED: number;
  };
  export default all;
}
