/**
 * What stands behind the proxies where messages are measured: answers each HTTP/2 stream 200 and sends back what comes on it. Prints its port.
 */
import { type AddressInfo, createServer } from 'node:net';
import { DATA, frame, HEADERS, opening, RawFrames } from './raw-frames.ts';

const PREFACE = 24;
const END_HEADERS = 4;
/** `:status: 200`, the eighth entry of the static table (RFC 7541, appendix A). */
const OK = Buffer.from([0x88]);

const server = createServer((socket) => {
  socket.write(opening());
  new RawFrames(socket, PREFACE, (type, id, whole, out) => {
    if (type === HEADERS) out.push(frame(HEADERS, END_HEADERS, id, OK));
    // Whatever flags it has: streams last as long as the load.
    else if (type === DATA) out.push(whole);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
