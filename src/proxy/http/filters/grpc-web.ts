/**
 * Lets browsers call services of gRPC: gRPC-Web in, gRPC out, and trailers as the last frame of the body; as base64 where the client asks
 * for text.
 * Follows https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_web_filter
 */
import { honours } from '#config/read/support.ts';
import type { GrpcWeb } from '#envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.js';
import { Continue, type DataStatus, httpFilter, Stop, StopNoBuffer } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { grpcStatusOf, percentEncoded } from '#selection/grpc-status.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { FRAME_HEAD, frameHead } from '#wire/grpc/message-frames.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const MESSAGE = 'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb';
const check = honours(MESSAGE, []);

const BINARY = ['application/grpc-web', 'application/grpc-web+proto'];
const TEXT = ['application/grpc-web-text', 'application/grpc-web-text+proto'];
const TRAILERS = 0x80;
/** Of the body of an answer that is none of gRPC, in bytes. */
const LONGEST_MESSAGE = 16 * 1024;

/** What it keeps of a call. */
interface Call {
  textIn: boolean;
  textOut: boolean;
  /** Base64 that came, up to the next group of four. */
  half: string;
  /** Bytes of the answer that make no whole message yet. */
  rest: Buffer;
  /** The body of an answer that is none of gRPC, as far as it is told. */
  plain: Buffer[] | undefined;
}

export const grpcWeb = httpFilter({
  name: 'envoy.filters.http.grpc_web',
  message: MESSAGE,

  config(message: GrpcWeb, at): Record<string, never> {
    check(message, at);
    return {};
  },

  request(stream, { index }) {
    const headers = stream.requestHeaders;
    const type = (headers.getKnown(Known['content-type']) ?? '').toLowerCase();
    const textIn = TEXT.includes(type);
    if (!textIn && !BINARY.includes(type)) return Continue;
    const accept = (headers.get('accept') ?? '').toLowerCase();
    const call: Call = { textIn, textOut: TEXT.includes(accept), half: '', rest: EMPTY, plain: undefined };
    stream.filters.state[index] = call;
    headers.removeKnown(Known['content-length']);
    headers.setKnown(Known['content-type'], 'application/grpc');
    headers.set('te', 'trailers');
    headers.setKnown(Known['grpc-accept-encoding'], 'identity');
    return Continue;
  },

  requestData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || !call.textIn) return Continue;
    const text = call.half + chunk.latin1Slice();
    const whole = text.length - (text.length % 4);
    call.half = text.slice(whole);
    const bytes = decoded(text.slice(0, whole));
    if (end && call.half !== '') return refuse(stream, 'grpc_base_64_decode_failed_bad_size');
    if (bytes === undefined) return refuse(stream, 'grpc_base_64_decode_failed');
    return bytes.length === 0 && !end ? StopNoBuffer : bytes;
  },

  response(stream, { index }, end) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    const headers = stream.responseHeaders;
    const type = headers.getKnown(Known['content-type']);
    if (!end && (stream.responseCode !== 200 || !isGrpc(type)) && !isWeb(type)) {
      call.plain = [];
      headers.removeKnown(Known['content-length']);
      return Stop;
    }
    headers.setKnown(Known['content-type'], call.textOut ? TEXT[1] : BINARY[1]);
    return Continue;
  },

  responseData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    if (call.plain !== undefined) {
      call.plain.push(Buffer.from(chunk));
      if (!end) return StopNoBuffer;
      tellPlain(stream, call);
      return EMPTY;
    }
    if (!call.textOut) return Continue;
    const bytes = encoded(call, chunk, end);
    return bytes.length === 0 && !end ? StopNoBuffer : bytes;
  },

  responseTrailers(stream, { index }, trailers): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    if (call.plain !== undefined) {
      tellPlain(stream, call);
      return EMPTY;
    }
    const frame = trailersFrame(trailers);
    if (!call.textOut) return frame;
    return Buffer.concat([encoded(call, EMPTY, true), base64(frame)]);
  },
});

function isWeb(type: string | undefined): boolean {
  return type !== undefined && (BINARY.includes(type) || TEXT.includes(type));
}

function refuse(stream: HttpStream, details: string): typeof StopNoBuffer {
  sendLocalReply(stream, 400, 'Bad gRPC-web request, invalid base64 data.', details);
  return StopNoBuffer;
}

/** An answer that is none of gRPC: its body becomes the message of a status. */
function tellPlain(stream: HttpStream, { plain = [], textOut }: Call): void {
  const headers = stream.responseHeaders;
  const text = Buffer.concat(plain).subarray(0, LONGEST_MESSAGE).latin1Slice();
  headers.setKnown(Known['grpc-message'], percentEncoded(text));
  headers.setKnown(Known['grpc-status'], String(grpcStatusOf(stream.responseCode)));
  headers.setKnown(Known['content-length'], '0');
  headers.setKnown(Known['content-type'], textOut ? TEXT[1] : BINARY[1]);
}

/** `name:value` and a line break each, in one frame. */
function trailersFrame(trailers: Headers): Buffer {
  let text = '';
  trailers.each((name, value) => {
    text += `${name}:${value}\r\n`;
  });
  const body = Buffer.from(text, 'latin1');
  return Buffer.concat([frameHead(TRAILERS, body.length), body]);
}

/** Each whole message by itself in base64, as Envoy has it; all that is left where it is the end. */
function encoded(call: Call, chunk: Buffer, end: boolean): Buffer {
  const bytes = Buffer.concat([call.rest, chunk]);
  const out: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= FRAME_HEAD) {
    const length = FRAME_HEAD + bytes.readUInt32BE(at + 1);
    if (bytes.length - at < length) break;
    out.push(base64(bytes.subarray(at, at + length)));
    at += length;
  }
  if (end && at < bytes.length) out.push(base64(bytes.subarray(at)));
  call.rest = end ? EMPTY : bytes.subarray(at);
  return Buffer.concat(out);
}

function base64(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64'), 'latin1');
}

/** @returns undefined where it is no base64. */
function decoded(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$/;
const EMPTY = Buffer.alloc(0);
