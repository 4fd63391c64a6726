/**
 * METADATA frames of HTTP/2 (`allow_metadata`): the same frames from clients and upstreams through real Envoy and ours, and what each side then saw.
 */
import type { Socket } from 'node:net';
import { bootstrap, httpListener, type Json, routeConfig, routeTo, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { Http2Wire } from '#testing/http2-wire.ts';
import { frame } from '#testing/recorded-session.ts';
import { CLIENT_PREFACE } from '#wire/http2/frame.ts';
import { HpackDecoder } from '#wire/http2/hpack-decoder.ts';
import { metadataBlock } from '#wire/http2/metadata-frames.ts';
import { alike } from './compare-tcp.ts';

const DATA = 0;
const HEADERS = 1;
const RST_STREAM = 3;
const METADATA = 0x4d;
const END_STREAM = 1;
const END_HEADERS = 4;
const END = 4;

const set = (fields: Record<string, string>) => metadataBlock(new Map(Object.entries(fields)));
const ok = (id: number) => frame(HEADERS, END_HEADERS, id, metadataBlock(new Map([[':status', '200']])));
const trailers = (id: number) => frame(HEADERS, END_HEADERS | END_STREAM, id, metadataBlock(new Map([['x-t', '1']])));
const md = (id: number, block: Uint8Array, flags = END) => frame(METADATA, flags, id, block);

/** What an upstream answers with, by path, once the request is whole; others say `hello`. */
const ANSWERS: Record<string, (id: number) => Buffer[]> = {
  '/between': (id) => [
    ...[ok(id), md(id, set({ r: '1' })), frame(DATA, 0, id, 'hello')],
    ...[md(id, set({ r: '2' })), frame(DATA, END_STREAM, id, 'bye')],
  ],
  '/before-head': (id) => [md(id, set({ r: '1' })), ok(id), frame(DATA, END_STREAM, id, 'bye')],
  '/before-trailers': (id) => [ok(id), frame(DATA, 0, id, 'x'), md(id, set({ r: '1' })), trailers(id)],
  '/empty': (id) => [ok(id), md(id, Buffer.alloc(0)), frame(DATA, END_STREAM, id, 'x')],
  '/bad': (id) => [ok(id), md(id, Buffer.from('ffffff', 'hex')), frame(DATA, END_STREAM, id, 'x')],
  '/many': (id) => [
    ok(id),
    ...Array.from({ length: 300 }, (_, i) => md(id, set({ r: String(i) }))),
    frame(DATA, END_STREAM, id, 'x'),
  ],
};

interface Frame {
  type: number;
  flags: number;
  id: number;
  payload: Buffer;
}

/** The whole frames behind a client's preface. */
function framesIn(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = CLIENT_PREFACE.length; bytes.length >= at + 9 && bytes.length >= at + 9 + bytes.readUIntBE(at, 3); ) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    const [type, flags, id] = [bytes[at + 3], bytes[at + 4], bytes.readUInt32BE(at + 5)];
    frames.push({ type, flags, id, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

/** An upstream that speaks raw frames. */
function serve(socket: Socket): void {
  const decoder = new HpackDecoder();
  const paths = new Map<number, string>();
  let bytes = Buffer.alloc(0);
  let done = 0;
  socket.on('data', (chunk: Buffer) => {
    if (bytes.length === 0) socket.write(Buffer.concat([frame(4, 0, 0), frame(4, 1, 0)]));
    bytes = Buffer.concat([bytes, chunk]);
    const frames = framesIn(bytes);
    for (const { type, flags, id, payload } of frames.slice(done)) {
      if (type !== DATA && type !== HEADERS) continue;
      if (type === HEADERS) paths.set(id, read(payload, decoder)[':path'] ?? (paths.get(id) as string));
      const answer = ANSWERS[paths.get(id) ?? ''] ?? (() => [ok(id), frame(DATA, END_STREAM, id, 'hello')]);
      if ((flags & END_STREAM) !== 0) socket.write(Buffer.concat(answer(id)));
    }
    done = frames.length;
  });
}

/** What came to an upstream on its streams. */
function seen(received: string): string[] {
  const decoder = new HpackDecoder();
  return framesIn(Buffer.from(received, 'latin1')).flatMap(({ type, flags, payload }) => {
    if (type === DATA) return [`data ${payload.latin1Slice()}`];
    if (type === HEADERS) return [`head ${read(payload, decoder)[':path'] ?? 'of trailers'}`];
    if (type === METADATA) return [`metadata ${flags} ${payload.length} ${flags === 0 ? '' : text(read(payload))}`];
    return type === RST_STREAM ? ['reset'] : [];
  });
}

/** The fields of a block, in the order of their names: Envoy's is by chance. */
function read(block: Buffer, decoder = new HpackDecoder()): Record<string, string> {
  const fields: [string, string][] = [];
  decoder.decode(block, 0, block.length, { onField: (_kind, name, value) => void fields.push([name, value]) });
  return Object.fromEntries(fields.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function text(fields: Record<string, string>): string {
  const shown = JSON.stringify(fields);
  return shown.length > 80 ? `${shown.slice(0, 20)}...` : shown;
}

function speaking(http2_protocol_options: Json): Json {
  const options = typed('extensions.upstreams.http.v3.HttpProtocolOptions', {
    explicit_http_config: { http2_protocol_options },
  });
  return { typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options } };
}

const direct = { match: { prefix: '/direct' }, direct_response: { status: 200, body: { inline_string: 'd' } } };
const routes = routeConfig([routeTo('/no', 'no'), routeTo('/h1', 'h1'), direct, routeTo('/', 'c')]);
const listener = (name: string, http2_protocol_options: Json) =>
  httpListener({ name, manager: { codec_type: 'AUTO', http2_protocol_options, ...routes } });

const POST = 'POST /plain';
const block = set({ abc: '123' });
const many = Buffer.concat(Array.from({ length: 300 }, (_, i) => md(3, set({ r: String(i) }))));

/** What a client sends on stream 3, which it opens so. */
interface Exchange {
  on?: string;
  line?: string;
  send?: Buffer[];
  /** The request is not answered. */
  broken?: boolean;
}

const body = (data: string, ends = true) => frame(DATA, ends ? END_STREAM : 0, 3, data);
const CASES: Record<string, Exchange> = {
  'before the body': { send: [md(3, set({ a: '1' })), body('x')] },
  'between pieces of the body': { send: [body('one', false), md(3, set({ a: '1', b: '2' })), body('two')] },
  'before trailers': { send: [body('one', false), md(3, set({ a: '1' })), trailers(3)] },
  'behind the end': { send: [body('one'), md(3, set({ a: '1' }))] },
  'in pieces, with data between': {
    send: [md(3, block.subarray(0, 4), 0), body('x', false), md(3, block.subarray(4)), body('y')],
  },
  'begun and never whole': { send: [md(3, block.subarray(0, 4), 0), body('y')] },
  'of no fields': { send: [md(3, Buffer.alloc(0)), md(3, Buffer.alloc(0), 0), md(3, Buffer.alloc(0)), body('x')] },
  'with names twice, in capitals and odd ones': {
    send: [md(3, Buffer.concat([set({ a: '1' }), set({ a: '2', A: '3', ':x': 'y', '': 'e' })])), body('x')],
  },
  'with a field from its own table': { send: [md(3, Buffer.from('40016b0176be', 'hex')), body('x')] },
  'with a field from the table of the set before': {
    send: [md(3, Buffer.from('40016b0176', 'hex')), md(3, Buffer.from('be', 'hex')), body('x')],
    broken: true,
  },
  'that HPACK cannot read': { send: [md(3, Buffer.from('ffffff', 'hex'))], broken: true },
  'on stream 0': { send: [md(0, block), body('x')] },
  'on a stream that is not there': { send: [md(9, block), body('x')] },
  'with the flag of padding': {
    send: [md(3, Buffer.concat([Buffer.from([2]), block, Buffer.alloc(2)]), END | 8), body('x')],
  },
  'as long as may be': { on: 'small', send: [md(3, set({ a: '\xff'.repeat(95) })), body('x')] },
  'longer than may be': { on: 'small', send: [md(3, set({ a: '\xff'.repeat(97) }))], broken: true },
  'longer together than may be': {
    on: 'small',
    send: [md(3, set({ a: '\xff'.repeat(60) })), md(3, set({ a: '\xff'.repeat(60) }))],
    broken: true,
  },
  'larger than a frame': {
    send: [
      ...[md(3, set({ a: '\xff'.repeat(40_000) }).subarray(0, 16_000), 0)],
      ...[md(3, set({ a: '\xff'.repeat(40_000) }).subarray(16_000, 32_000), 0)],
      ...[md(3, set({ a: '\xff'.repeat(40_000) }).subarray(32_000)), body('x')],
    ],
  },
  'many sets': { send: [many, body('x')] },
  'from a client that may not': { on: 'off', send: [md(3, block), body('x')] },
  'to an upstream that may not': { line: 'POST /no', send: [md(3, block), body('x')] },
  'to an upstream of HTTP/1': { line: 'POST /h1', send: [md(3, block), body('x')] },
  'for a direct response': { line: 'POST /direct', send: [md(3, block), body('x')] },
  'of the answer, between its pieces': { line: 'GET /between' },
  'of the answer, before its head': { line: 'GET /before-head' },
  'of the answer, before its trailers': { line: 'GET /before-trailers' },
  'of the answer, to a client that may not': { on: 'off', line: 'GET /between' },
  'of the answer, without fields': { line: 'GET /empty' },
  'of the answer, unreadable': { line: 'GET /bad' },
  'of the answer, many sets': { line: 'GET /many' },
};

/** Frames that Envoy sends by chance, or never before it closes. */
const VARY = /^DATA \d 0 end|^RST_STREAM \d NoError/;

alike('METADATA frames go where and as they go through Envoy', {
  upstreams: {
    c: serve,
    h1: (socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')),
  },
  bootstrap: ({ c, h1 }) =>
    bootstrap(
      [
        listener('on', { allow_metadata: true }),
        listener('small', { allow_metadata: true, max_metadata_size: 100 }),
        listener('off', {}),
      ],
      [
        staticCluster('c', [c], speaking({ allow_metadata: true })),
        staticCluster('no', [c], speaking({})),
        staticCluster('h1', [h1]),
      ],
    ),
  async run({ connect, upstreams, note }) {
    for (const [name, { on = 'on', line = POST, send, broken = false }] of Object.entries(CASES)) {
      const wire = await connect(on);
      const client = await new Http2Wire(wire).start();
      // Now there is a connection to the upstream.
      await client.answer(await client.request('GET /'));
      const before = upstreams.c.received.map((received) => seen(received).length);
      const since = () => upstreams.c.received.flatMap((received, i) => seen(received).slice(before[i] ?? 0));
      const id = await client.request(line, {}, send === undefined ? END_STREAM : 0);
      if (send !== undefined) await wire.send(Buffer.concat(send));
      if (broken) {
        await client.closed();
        await eventually('the upstream hears of it', () => since().includes('reset'));
      } else await client.answer(id);
      const came = client.frames.filter((one) => /^(DATA|HEADERS|77|RST)/.test(one) && !VARY.test(one));
      note(`${name}: ${client.stream(id).body} ${wire.ending ?? 'open'}`);
      note(came.map((one) => one.replace(/\{":status":"(\d+)".*\}/, '$1').replace(/ end$/, '')).join(', '));
      note(since().join(', '));
      wire.destroy();
    }
  },
  stats: /metadata|downstream_cx_protocol_error|upstream_cx_protocol_error|downstream_rq_rx_reset/,
});

alike('a client of HTTP/1 gets no METADATA', {
  upstreams: { c: serve },
  bootstrap: ({ c }) =>
    bootstrap(
      [httpListener({ manager: routeConfig([routeTo('/', 'c')]) })],
      [staticCluster('c', [c], speaking({ allow_metadata: true }))],
    ),
  async run({ connect, note }) {
    const wire = await connect();
    await wire.send('GET /between HTTP/1.1\r\nhost: a\r\n\r\n');
    note((await wire.response()).body.toString());
  },
  stats: /metadata/,
});
