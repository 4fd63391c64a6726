/**
 * Lets clients of HTTP/1.1 call services of gRPC: the answer waits for its trailers, whose status goes into the head. With
 * `upgrade_protobuf_to_grpc`, bare messages (application/x-protobuf) are made calls, and answers bare messages.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_bridge_filter
 */
import { honours } from '#config/read/support.ts';
import type { Config as ConfigMessage } from '#envoy/extensions/filters/http/grpc_http1_bridge/v3/config_pb.js';
import { Continue, httpFilter, Stop, StopNoBuffer } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { FRAME_HEAD, frameHead } from '#wire/grpc/message-frames.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const MESSAGE = 'envoy.extensions.filters.http.grpc_http1_bridge.v3.Config';
const check = honours(MESSAGE, ['upgrade_protobuf_to_grpc', 'ignore_query_parameters']);
const PROTOBUF = 'application/x-protobuf';

interface Config {
  upgrades: boolean;
  ignoresQuery: boolean;
}

/** What it keeps of a call. */
interface Call {
  /** It sent a bare message, and wants one. */
  upgraded: boolean;
  request: Buffer[];
  response: Buffer[];
}

export const grpcHttp1Bridge = httpFilter({
  name: 'envoy.filters.http.grpc_http1_bridge',
  message: MESSAGE,

  config(message: ConfigMessage, at): Config {
    check(message, at);
    return { upgrades: message.upgradeProtobufToGrpc, ignoresQuery: message.ignoreQueryParameters };
  },

  request(stream, { index, config }) {
    const headers = stream.requestHeaders;
    const type = headers.getKnown(Known['content-type']);
    const upgraded = config.upgrades && type === PROTOBUF;
    if (!upgraded && !isGrpc(type)) return Continue;
    if (upgraded) makeCall(stream, config);
    if (stream.protocol === 'HTTP/2' || stream.protocol === 'HTTP/3') return Continue;
    const call: Call = { upgraded, request: [], response: [] };
    stream.filters.state[index] = call;
    return Continue;
  },

  requestData(stream, { index }, chunk, end) {
    const call = stream.filters.state[index] as Call | undefined;
    return call?.upgraded ? framed(call.request, chunk, end) : Continue;
  },

  response(stream, { index }, end) {
    return stream.filters.state[index] !== undefined && !end ? Stop : Continue;
  },

  responseData(stream, { index }, chunk, end) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || end) return Continue;
    call.response.push(Buffer.from(chunk));
    return StopNoBuffer;
  },

  responseTrailers(stream, { index }, trailers) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    const body = Buffer.concat(call.response);
    statusIntoHead(stream, trailers);
    const bare = call.upgraded ? body.subarray(FRAME_HEAD) : body;
    stream.responseHeaders.setKnown(Known['content-length'], String(bare.length));
    return bare;
  },
});

function makeCall(stream: HttpStream, { ignoresQuery }: Config): void {
  const headers = stream.requestHeaders;
  headers.setKnown(Known['content-type'], 'application/grpc');
  headers.removeKnown(Known['content-length']);
  const query = stream.path.indexOf('?');
  if (ignoresQuery && query >= 0) stream.path = stream.path.slice(0, query);
}

/** HTTP/1.1 clients may not see trailers, and an error is to look like one. */
function statusIntoHead(stream: HttpStream, trailers: Headers): void {
  const headers = stream.responseHeaders;
  const status = trailers.getKnown(Known['grpc-status']);
  if (status !== undefined) {
    if (!/^0+$/.test(status)) stream.responseCode = 503;
    headers.setKnown(Known['grpc-status'], status);
  }
  const message = trailers.getKnown(Known['grpc-message']);
  if (message !== undefined) headers.setKnown(Known['grpc-message'], message);
}

/** One message out of a body, whole. */
function framed(chunks: Buffer[], chunk: Buffer, end: boolean): Buffer | typeof StopNoBuffer {
  chunks.push(Buffer.from(chunk));
  if (!end) return StopNoBuffer;
  const body = Buffer.concat(chunks);
  return Buffer.concat([frameHead(0, body.length), body]);
}
