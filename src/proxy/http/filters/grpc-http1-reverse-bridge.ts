/**
 * Lets clients of gRPC call services that know nothing of it: the content type is exchanged, message frames may be withheld, and the
 * answer gets a status in trailers.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_http1_reverse_bridge_filter
 */
import { honours } from '#config/read/support.ts';
import type {
  FilterConfig,
  FilterConfigPerRoute,
} from '#envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config_pb.js';
import { Continue, type DataStatus, httpFilter, StopNoBuffer } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import { grpcStatusOf, percentEncoded } from '#selection/grpc-status.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { FRAME_HEAD, frameHead } from '#wire/grpc/message-frames.ts';
import { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const PACKAGE = 'envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3';
const check = honours(`${PACKAGE}.FilterConfig`, ['content_type', 'withhold_grpc_frames', 'response_size_header']);
const checkRoute = honours(`${PACKAGE}.FilterConfigPerRoute`, ['disabled']);

const OK = '0';
const UNKNOWN = '2';
const INTERNAL = '13';

interface Config {
  contentType: string;
  withholdsFrames: boolean;
  /** The upstream says in it how long its answer is: nothing is held back. Empty: none. */
  sizeHeader: string;
}

/** What it keeps of a call. */
interface Call {
  /** Of the request, for the answer. */
  contentType: string;
  headSkipped: boolean;
  /** Of the answer. */
  status: string;
  /** The answer is of the expected type. */
  answers: boolean;
  /** How long the answer says that it is; undefined where it does not. */
  size: number | undefined;
  headSent: boolean;
  held: Buffer[];
  left: number;
}

export const grpcHttp1ReverseBridge = httpFilter({
  name: 'envoy.filters.http.grpc_http1_reverse_bridge',
  message: `${PACKAGE}.FilterConfig`,
  perRoute: {
    message: `${PACKAGE}.FilterConfigPerRoute`,
    config(message: FilterConfigPerRoute, at): { off: boolean } {
      checkRoute(message, at);
      return { off: message.disabled };
    },
  },

  config(message: FilterConfig, at): Config {
    check(message, at);
    const { contentType, withholdGrpcFrames, responseSizeHeader } = message;
    return { contentType, withholdsFrames: withholdGrpcFrames, sizeHeader: responseSizeHeader.toLowerCase() };
  },

  request(stream, { name, index, config }, end) {
    const headers = stream.requestHeaders;
    const contentType = headers.getKnown(Known['content-type']);
    if (end || contentType === undefined || !isGrpc(contentType) || isOff(stream, name)) return Continue;
    stream.filters.state[index] = begun(contentType);
    headers.setKnown(Known['content-type'], config.contentType);
    headers.set('accept', config.contentType);
    const length = headers.getKnown(Known['content-length']);
    if (config.withholdsFrames && length !== undefined)
      headers.setKnown(Known['content-length'], String(Math.max(0, Number(length) - FRAME_HEAD)));
    return Continue;
  },

  requestData(stream, { index, config }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || !config.withholdsFrames || call.headSkipped) return Continue;
    const body = Buffer.concat([...call.held.splice(0), chunk]);
    if (body.length < FRAME_HEAD && !end) {
      call.held.push(body);
      return StopNoBuffer;
    }
    if (body.length < FRAME_HEAD) {
      sendLocalReply(stream, 200, 'invalid request body', 'grpc_bridge_data_too_small', withStatus(UNKNOWN));
      return StopNoBuffer;
    }
    call.headSkipped = true;
    return body.subarray(FRAME_HEAD);
  },

  response(stream, { index, config }, end) {
    const call = stream.filters.state[index] as Call | undefined;
    const headers = stream.responseHeaders;
    if (call === undefined) return Continue;
    const contentType = headers.getKnown(Known['content-type']) ?? '';
    call.answers = contentType.toLowerCase() === config.contentType.toLowerCase();
    if (!call.answers) {
      refuseAnswer(stream, call, contentType);
      return Continue;
    }
    headers.setKnown(Known['content-type'], call.contentType);
    call.status = stream.responseCode === 200 ? OK : String(grpcStatusOf(stream.responseCode));
    stream.responseCode = 200;
    if (!config.withholdsFrames) return Continue;
    if (config.sizeHeader !== '' && !expectSize(stream, call, config)) {
      call.contentType = 'application/grpc';
      fail(stream, call, INTERNAL, 'envoy reverse bridge: upstream did not set content length');
      stream.responseCodeDetails = 'grpc_bridge_content_length_missing';
      return Continue;
    }
    const length = headers.getKnown(Known['content-length']);
    if (length !== undefined) headers.setKnown(Known['content-length'], String(Number(length) + FRAME_HEAD));
    if (end) {
      stream.filters.addResponseData(frameHead(0, 0));
      stream.filters.addResponseTrailers(statusTrailers(call.status));
    }
    return Continue;
  },

  responseData(stream, { index, config }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    if (!call.answers) return EMPTY;
    if (end) stream.filters.addResponseTrailers(statusTrailers(call.status));
    if (!config.withholdsFrames) return Continue;
    if (call.size !== undefined) return sized(call, call.size, chunk);
    call.held.push(Buffer.from(chunk));
    if (!end) return StopNoBuffer;
    const body = Buffer.concat(call.held);
    return Buffer.concat([frameHead(0, body.length), body]);
  },
});

function begun(contentType: string): Call {
  return {
    contentType,
    headSkipped: false,
    status: OK,
    answers: false,
    size: undefined,
    headSent: false,
    held: [],
    left: 0,
  };
}

function isOff(stream: HttpStream, name: string): boolean {
  const config =
    stream.selected?.config.perFilterConfig[name]?.config ?? stream.selectedHost?.config.perFilterConfig[name]?.config;
  return (config as { off: boolean } | undefined)?.off ?? false;
}

/** An answer of another type is none. */
function refuseAnswer(stream: HttpStream, call: Call, contentType: string): void {
  const what = contentType === '' ? 'no content-type header' : `unsupported content-type ${contentType}`;
  const text = `envoy reverse bridge: upstream responded with ${what}, status code ${stream.responseCode}`;
  fail(stream, call, UNKNOWN, text);
  stream.responseCodeDetails = 'grpc_bridge_content_type_wrong';
}

/** The head tells of the failure, and whatever body there is goes nowhere. */
function fail(stream: HttpStream, call: Call, status: string, message: string): void {
  const headers = stream.responseHeaders;
  call.answers = false;
  headers.setKnown(Known['grpc-message'], percentEncoded(message));
  headers.setKnown(Known['grpc-status'], status);
  headers.setKnown(Known['content-type'], call.contentType);
  headers.removeKnown(Known['content-length']);
  stream.responseCode = 200;
}

/** @returns whether the answer says how long it is. */
function expectSize(stream: HttpStream, call: Call, { sizeHeader }: Config): boolean {
  const size = stream.responseHeaders.get(sizeHeader);
  if (size === undefined || !/^\d+$/.test(size)) return false;
  call.size = Number(size);
  return true;
}

function sized(call: Call, size: number, chunk: Buffer): Buffer {
  if (call.headSent) return chunk;
  call.headSent = true;
  return Buffer.concat([frameHead(0, size), chunk]);
}

function statusTrailers(status: string): Headers {
  const trailers = new Headers();
  trailers.addKnown(Known['grpc-status'], status);
  return trailers;
}

function withStatus(status: string): (stream: HttpStream) => void {
  return ({ responseHeaders }) => responseHeaders.setKnown(Known['grpc-status'], status);
}

const EMPTY = Buffer.alloc(0);
