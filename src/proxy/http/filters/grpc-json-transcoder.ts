/**
 * Lets clients of HTTP and JSON call services of gRPC, by the google.api.http rules of a descriptor set.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_json_transcoder_filter
 */
import {
  Continue,
  type DataStatus,
  type FilterInUse,
  type FilterStatus,
  httpFilter,
  Stop,
  StopNoBuffer,
} from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import type { Binding } from '#proxy/http/transcoding/http-template.ts';
import { BadRequest, hasField, queryBindings } from '#proxy/http/transcoding/request-message.ts';
import { type MatchedMethod, TranscodedMethods } from '#proxy/http/transcoding/transcoded-methods.ts';
import { readTranscoder, TRANSCODER, type TranscoderConfig } from '#proxy/http/transcoding/transcoder-config.ts';
import { Transcoding } from '#proxy/http/transcoding/transcoding.ts';
import { httpStatusOfGrpc } from '#selection/grpc-status.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

/** What it keeps of a call. */
interface Call {
  transcoding: Transcoding;
  config: TranscoderConfig;
  /** Of the request that came. */
  contentType: string;
  requestBytes: number;
  answer: Buffer[];
  answerBytes: number;
  /** The answer is none of gRPC, or one of ours: it passes as it is. */
  foreign: boolean;
}

/** Compiled once for each configuration on each worker. */
const compiled = new WeakMap<TranscoderConfig, TranscodedMethods>();

export const grpcJsonTranscoder = httpFilter({
  name: 'envoy.filters.http.grpc_json_transcoder',
  message: TRANSCODER,
  perRoute: { message: TRANSCODER, config: readTranscoder },

  config: readTranscoder,

  request(stream, use, end): FilterStatus {
    const config = configOf(stream, use);
    if (config.services.length === 0 || isGrpc(stream.requestHeaders.getKnown(Known['content-type']))) return Continue;
    const question = stream.path.indexOf('?');
    const path = question < 0 ? stream.path : stream.path.slice(0, question);
    const methods = methodsOf(config);
    const found = methods.find(stream.method, path);
    if (found === undefined) {
      if (!config.rejectsUnknownMethod) return Continue;
      refuse(stream, 404, `Could not resolve ${path} to a method.`, 'NOT_FOUND', EARLY);
      return Stop;
    }
    const query = parameters(stream.path, question, config);
    const unknown = query.find(({ field }) => !hasField(found.rule.method.input, field));
    if (unknown !== undefined && !config.ignoresUnknown) {
      if (!config.rejectsUnknownParameters) return Continue;
      const type = found.rule.method.input.typeName;
      const message = `Could not find field "${unknown.field.join('.')}" in the type "${type}".`;
      refuse(stream, 400, message, 'INVALID_ARGUMENT', EARLY);
      return Stop;
    }
    const call = begun(
      stream,
      found,
      methods,
      query.filter(({ field }) => hasField(found.rule.method.input, field)),
      config,
    );
    stream.filters.state[use.index] = call;
    if (!end) return Continue;
    const frames = translated(stream, call, EARLY);
    if (frames === undefined) return Stop;
    stream.filters.addRequestData(frames);
    return Continue;
  },

  requestData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    call.transcoding.addRequest(chunk);
    call.requestBytes += chunk.length;
    if (call.requestBytes > (call.config.maxRequest ?? stream.connection.bufferLimit)) {
      refuse(stream, 413, `Request rejected because ${TOO_LARGE}`, 'request_buffer_size_limit_reached');
      return StopNoBuffer;
    }
    if (!end) return StopNoBuffer;
    return translated(stream, call) ?? StopNoBuffer;
  },

  response(stream, { index }, end): FilterStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || call.foreign) return Continue;
    const headers = stream.responseHeaders;
    if (!isGrpc(headers.getKnown(Known['content-type']))) {
      call.foreign = true;
      return Continue;
    }
    if (end) {
      statusIntoHead(stream, headers);
      return Continue;
    }
    headers.setKnown(Known['content-type'], call.transcoding.answerType);
    headers.removeKnown(Known['content-length']);
    return call.transcoding.unaryAnswer || call.transcoding.rawAnswer ? Stop : Continue;
  },

  responseData(stream, { index }, chunk, end): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || call.foreign) return Continue;
    const { transcoding } = call;
    const text = transcoding.answer(chunk);
    const limit = call.config.maxResponse ?? stream.connection.bufferLimit;
    if (transcoding.largest > limit) {
      answerTooLarge(stream, call);
      return StopNoBuffer;
    }
    if (transcoding.unaryAnswer) {
      call.answer.push(text);
      call.answerBytes += text.length;
      if (!end) return StopNoBuffer;
      return wholeAnswer(stream, call);
    }
    if (transcoding.rawAnswer && text.length > 0)
      stream.responseHeaders.setKnown(Known['content-type'], transcoding.contentType);
    if (end) return Buffer.concat([text, Buffer.from(transcoding.answerEnd())]);
    return text.length === 0 ? StopNoBuffer : text;
  },

  responseTrailers(stream, { index }, trailers): DataStatus {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined || call.foreign) return Continue;
    if (!call.transcoding.unaryAnswer) return Buffer.from(call.transcoding.answerEnd());
    statusIntoHead(stream, trailers);
    return wholeAnswer(stream, call);
  },
});

function configOf(stream: HttpStream, { name, config }: FilterInUse<TranscoderConfig>): TranscoderConfig {
  const perRoute =
    stream.selected?.config.perFilterConfig[name]?.config ?? stream.selectedHost?.config.perFilterConfig[name]?.config;
  return (perRoute as TranscoderConfig | undefined) ?? config;
}

function methodsOf(config: TranscoderConfig): TranscodedMethods {
  let methods = compiled.get(config);
  if (methods === undefined) {
    methods = new TranscodedMethods(config.descriptors, config);
    compiled.set(config, methods);
  }
  return methods;
}

/** Those of the query that are not to be passed over. @param question where in the path it begins; -1: nowhere */
function parameters(path: string, question: number, { plusIsSpace, ignored }: TranscoderConfig): Binding[] {
  if (question < 0) return [];
  return queryBindings(path.slice(question + 1), plusIsSpace).filter(({ field }) => !ignored.includes(field.join('.')));
}

/** Turns the request's head into that of a call. */
function begun(
  stream: HttpStream,
  { rule, bindings }: MatchedMethod,
  methods: TranscodedMethods,
  query: Binding[],
  config: TranscoderConfig,
): Call {
  const headers = stream.requestHeaders;
  const call: Call = {
    transcoding: new Transcoding(rule, methods, [...query, ...bindings], config.print),
    config,
    contentType: headers.getKnown(Known['content-type']) ?? '',
    requestBytes: 0,
    answer: [],
    answerBytes: 0,
    foreign: false,
  };
  headers.removeKnown(Known['content-length']);
  headers.setKnown(Known['content-type'], 'application/grpc');
  headers.setKnown(Known['x-envoy-original-path'], stream.path);
  headers.set('x-envoy-original-method', stream.method);
  headers.set('te', 'trailers');
  stream.path = rule.path;
  stream.method = 'POST';
  if (!config.keepsRoute) stream.manager.chooseRouteAgain(stream);
  return call;
}

/** The call's messages; undefined where the request was refused. */
function translated(stream: HttpStream, { transcoding, contentType }: Call, early = ''): Buffer | undefined {
  try {
    return transcoding.requestFrames(contentType);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    refuse(stream, 400, error.message, 'INVALID_ARGUMENT', early);
    return undefined;
  }
}

/** Answers the client itself, in plain words. */
function refuse(stream: HttpStream, status: number, message: string, code: string, early = ''): void {
  const details = `${early}grpc_json_transcode_failure{${code}}`;
  sendLocalReply(stream, status, Buffer.from(message).latin1Slice(), details);
}

/** Nothing can be told any more where a part was told already. */
function answerTooLarge(stream: HttpStream, call: Call): void {
  const code = 'response_buffer_size_limit_reached';
  call.foreign = true;
  stream.filters.router.end();
  if (!stream.responseStarted) return refuse(stream, 500, `Response not transcoded because ${TOO_LARGE}`, code);
  stream.responseCodeDetails = `grpc_json_transcode_failure{${code}}`;
  stream.manager.resetStream(stream);
}

const TOO_LARGE = "the transcoder's internal buffer size exceeds the configured limit.";
/** Before the details of what fails with the head. */
const EARLY = 'early_';

/** The answer's status becomes that of HTTP. */
function statusIntoHead(stream: HttpStream, from: Headers): void {
  const headers = stream.responseHeaders;
  const status = from.getKnown(Known['grpc-status']);
  const message = from.getKnown(Known['grpc-message']);
  stream.responseCode = status === undefined ? 503 : httpStatusOfGrpc(status);
  if (status !== undefined) headers.setKnown(Known['grpc-status'], status);
  if (message !== undefined) headers.setKnown(Known['grpc-message'], message);
}

function wholeAnswer(stream: HttpStream, call: Call): Buffer {
  const { transcoding } = call;
  if (transcoding.rawAnswer && transcoding.contentType !== '')
    stream.responseHeaders.setKnown(Known['content-type'], transcoding.contentType);
  stream.responseHeaders.setKnown(Known['content-length'], String(call.answerBytes));
  return Buffer.concat(call.answer);
}
