/**
 * A behaviour that speaks just enough of WebSocket (RFC 6455) to send back what it gets: text and binary messages of one frame each, and
 * the closing handshake.
 */
import { createHash } from 'node:crypto';
import type { Behaviour } from '#testing/start-upstream.ts';

const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const CLOSE = 8;

/** Agrees to every upgrade, and echoes. */
export const websocketEcho: Behaviour = async (exchange) => {
  const key = /^sec-websocket-key: *(\S+)/im.exec(exchange.request.head)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
  let pending: Buffer = Buffer.alloc(0);
  exchange.socket.on('data', (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    for (;;) {
      const frame = readFrame(pending);
      if (frame === undefined) return;
      pending = pending.subarray(frame.size);
      exchange.socket.write(writeFrame(frame.opcode, frame.payload));
      if (frame.opcode === CLOSE) exchange.socket.end();
    }
  });
  const fields = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ${accept}\r\n`;
  await exchange.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`);
  await exchange.gone;
};

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Bytes on the wire. */
  size: number;
}

/** RFC 6455, section 5.2: a frame of a client, which is masked. */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1] & 0x7f;
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return undefined;
  const length =
    lengthBytes === 2 ? bytes.readUInt16BE(2) : lengthBytes === 8 ? Number(bytes.readBigUInt64BE(2)) : short;
  const size = start + length;
  if (bytes.length < size) return undefined;
  const payload = Buffer.from(bytes.subarray(start, size));
  for (let i = 0; i < length; i++) payload[i] ^= bytes[start - 4 + (i & 3)];
  return { opcode: bytes[0] & 0x0f, payload, size };
}

function writeFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  let head: Buffer;
  if (length < 126) head = Buffer.from([0, length]);
  else if (length < 65_536) {
    head = Buffer.alloc(4);
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  head[0] = 0x80 | opcode;
  return Buffer.concat([head, payload]);
}
