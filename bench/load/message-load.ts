/**
 * The load where messages are measured: gRPC messages of 100 bytes on bidirectional streams, each sent when the one before it came back.
 * Prints how many came back. Arguments: port, seconds.
 */
import { connect } from 'node:net';
import { DATA, frame, HEADERS, opening, RawFrames } from './raw-frames.ts';

const CONNECTIONS = 8;
const STREAMS = 20;
const SIZE = 100;
const END_HEADERS = 4;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FIELDS: [string, string][] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/bench.Echo/Stream'],
  [':authority', 'bench.test'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
];

const [port, seconds] = process.argv.slice(2).map(Number);
const message = Buffer.alloc(5 + SIZE, 'x');
message.writeUInt8(0, 0);
message.writeUInt32BE(SIZE, 1);
/** Literals without indexing (RFC 7541, section 6.2.2). */
const head = Buffer.concat(
  FIELDS.flatMap(([name, value]) => [
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]),
);

let count = 0;
for (let i = 0; i < CONNECTIONS; i++) {
  const socket = connect(port, '127.0.0.1', () => {
    const first = Array.from({ length: STREAMS }, (_, n) => [
      frame(HEADERS, END_HEADERS, 2 * n + 1, head),
      frame(DATA, 0, 2 * n + 1, message),
    ]);
    socket.write(Buffer.concat([Buffer.from(PREFACE), opening(), ...first.flat()]));
  });
  new RawFrames(socket, 0, (type, _id, whole, out) => {
    if (type !== DATA) return;
    count++;
    out.push(whole);
  });
}
setTimeout(() => {
  console.log(count);
  process.exit(0);
}, seconds * 1000);
