/**
 * Lets clients of the Connect protocol call services of gRPC.
 * Follows https://connectrpc.com/docs/protocol and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/connect_grpc_bridge_filter
 */
import { honours } from '#config/read/support.ts';
import type { FilterConfig } from '#envoy/extensions/filters/http/connect_grpc_bridge/v3/config_pb.js';
import {
  callOfGet,
  connectError,
  endOfStream,
  errorOfGrpc,
  httpStatusOfConnect,
  trailersToHead,
} from '#proxy/http/connect-protocol.ts';
import { Continue, type DataStatus, type FilterStatus, httpFilter, Stop, StopNoBuffer } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { FRAME_HEAD, frameHead } from '#wire/grpc/message-frames.ts';
import { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const MESSAGE = 'envoy.extensions.filters.http.connect_grpc_bridge.v3.FilterConfig';
const check = honours(MESSAGE, []);

/** What it keeps of a call. */
interface Call {
  unary: boolean;
  request: Buffer[];
  answer: Buffer[];
  /** The answer is one of gRPC. */
  grpc: boolean;
}

const GRPC = 'application/grpc';
const UNARY = 'application/';
const STREAMING = 'application/connect+';
const VERSION = 'connect-protocol-version';

export const connectGrpcBridge = httpFilter({
  name: 'envoy.filters.http.connect_grpc_bridge',
  message: MESSAGE,

  config(message: FilterConfig, at): Record<string, never> {
    check(message, at);
    return {};
  },

  request(stream, { index }, end): FilterStatus {
    if (stream.method === 'GET') return requestByGet(stream, index);
    const headers = stream.requestHeaders;
    const type = headers.getKnown(Known['content-type']) ?? '';
    const streaming = type.startsWith(STREAMING);
    if (!streaming && (headers.get(VERSION) !== '1' || !type.startsWith(UNARY))) return Continue;
    const codec = type.slice((streaming ? STREAMING : UNARY).length);
    begin(stream, index, { unary: !streaming, codec });
    if (end && !streaming) stream.filters.addRequestData(frameHead(0, 0));
    return Continue;
  },

  requestData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || !call.unary) return Continue;
    call.request.push(Buffer.from(chunk));
    if (!end) return StopNoBuffer;
    const body = Buffer.concat(call.request);
    return Buffer.concat([frameHead(0, body.length), body]);
  },

  response(stream, { index }, end): FilterStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    const headers = stream.responseHeaders;
    const type = headers.getKnown(Known['content-type']) ?? '';
    call.grpc = type.startsWith(GRPC);
    if (!call.grpc) return Continue;
    rename(headers, 'grpc-encoding', call.unary ? 'content-encoding' : 'connect-content-encoding');
    rename(headers, 'grpc-accept-encoding', call.unary ? 'accept-encoding' : 'connect-accept-encoding');
    const codec = type.slice(GRPC.length + 1) || 'proto';
    headers.setKnown(Known['content-type'], (call.unary ? UNARY : STREAMING) + codec);
    if (!end) return call.unary ? Stop : Continue;
    stream.filters.addResponseData(call.unary ? unaryEnd(stream, headers, call) : onlyEnd(headers));
    return Continue;
  },

  responseData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || !call.grpc || !call.unary) return Continue;
    call.answer.push(Buffer.from(chunk));
    return end ? Buffer.concat(call.answer).subarray(FRAME_HEAD) : StopNoBuffer;
  },

  responseTrailers(stream, { index }, trailers): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || !call.grpc) return Continue;
    return call.unary ? unaryEnd(stream, trailers, call) : endOfStream(trailers);
  },
});

/** A call without side effects may come in a URL. */
function requestByGet(stream: HttpStream, index: number): FilterStatus {
  const found = callOfGet(stream.path);
  if (found === undefined) return Continue;
  const { encoding, compression, message, path } = found;
  stream.method = 'POST';
  stream.path = path;
  stream.requestHeaders.set('content-encoding', compression);
  begin(stream, index, { unary: true, codec: encoding });
  stream.filters.addRequestData(Buffer.concat([frameHead(0, message.length), message]));
  return Continue;
}

/** The head of a call: that of gRPC. */
function begin(stream: HttpStream, index: number, { unary, codec }: { unary: boolean; codec: string }): void {
  const headers = stream.requestHeaders;
  const call: Call = { unary, request: [], answer: [], grpc: false };
  stream.filters.state[index] = call;
  headers.removeKnown(Known['content-length']);
  headers.remove(VERSION);
  headers.setKnown(Known['content-type'], `application/grpc+${codec}`);
  const timeout = headers.get('connect-timeout-ms');
  if (timeout !== undefined) {
    headers.remove('connect-timeout-ms');
    headers.setKnown(Known['grpc-timeout'], `${timeout}m`);
  }
  headers.set('te', 'trailers');
  rename(headers, unary ? 'content-encoding' : 'connect-content-encoding', 'grpc-encoding');
  rename(headers, unary ? 'accept-encoding' : 'connect-accept-encoding', 'grpc-accept-encoding');
}

/** The whole answer: the bare message, or an error in JSON with a status of HTTP. */
function unaryEnd(stream: HttpStream, trailers: Headers, call: Call): Buffer {
  const headers = stream.responseHeaders;
  const error = trailers.hasKnown(Known['grpc-status']) ? errorOfGrpc(trailers) : undefined;
  trailersToHead(trailers, headers);
  if (error === undefined) return Buffer.concat(call.answer).subarray(FRAME_HEAD);
  stream.responseCode = httpStatusOfConnect(error.code);
  headers.setKnown(Known['content-type'], 'application/json');
  headers.remove('content-encoding');
  return connectError(error);
}

/** The head was all that came of a stream. */
function onlyEnd(headers: Headers): Buffer {
  const status = new Headers();
  for (const name of ['grpc-status', 'grpc-message', 'grpc-status-details-bin']) {
    const value = headers.get(name);
    if (value === undefined) continue;
    status.add(name, value);
    headers.remove(name);
  }
  return endOfStream(status);
}

function rename(headers: Headers, from: string, to: string): void {
  const value = headers.joined(from);
  if (value === undefined) return;
  headers.remove(from);
  headers.set(to, value);
}
