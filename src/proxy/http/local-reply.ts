/**
 * Responses that the proxy makes itself. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
 */
import type { LocalReplyConfig } from '#config/model/http-connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { addRouteHeaders } from '#proxy/http/router/route-headers.ts';
import { type AccessLogPredicate, compileAccessLogFilter } from '#proxy/observe/access-log/filters.ts';
import { compileFormatConfig, type Formatter } from '#proxy/observe/format/compile-format.ts';
import { type CompiledHeaderMutations, compileHeaderMutations } from '#proxy/observe/format/header-mutations.ts';
import { grpcStatusOf, percentEncoded } from '#selection/grpc-status.ts';
import { isGrpc as isGrpcContentType } from '#selection/route-conditions.ts';
import { Known } from '#wire/known-headers.ts';

interface Mapper {
  applies: AccessLogPredicate;
  status: number | undefined;
  body: string | undefined;
  format: Formatter | undefined;
  contentType: string;
  headers: CompiledHeaderMutations;
}

/** local_reply_config, compiled. */
export interface CompiledLocalReply {
  mappers: Mapper[];
  format: Formatter | undefined;
  contentType: string;
}

export function compileLocalReply(
  config: LocalReplyConfig | undefined,
  context: Parameters<typeof compileAccessLogFilter>[1],
): CompiledLocalReply {
  return {
    mappers: (config?.mappers ?? []).map((mapper) => ({
      applies: compileAccessLogFilter(mapper.filter, context),
      status: mapper.statusCode,
      body: mapper.body === undefined ? undefined : Buffer.from(mapper.body).toString('latin1'),
      format: mapper.bodyFormat === undefined ? undefined : compileFormatConfig(mapper.bodyFormat),
      contentType: mapper.bodyFormat === undefined ? '' : contentTypeOf(mapper.bodyFormat),
      headers: compileHeaderMutations({
        requestAdd: [],
        requestRemove: [],
        responseAdd: mapper.headersToAdd,
        responseRemove: [],
      }),
    })),
    format: config?.bodyFormat === undefined ? undefined : compileFormatConfig(config.bodyFormat),
    contentType: config?.bodyFormat === undefined ? '' : contentTypeOf(config.bodyFormat),
  };
}

/** What a body made by a format is. */
export function contentTypeOf(format: { contentType: string; body: { kind: string } }): string {
  if (format.contentType !== '') return format.contentType;
  return format.body.kind === 'json' ? 'application/json' : 'text/plain';
}

type AddHeaders = (stream: HttpStream) => void;

/** Adds headers to a reply: before those of the route, and after them. */
export interface ReplyHeaders {
  prepare?: AddHeaders;
  decorate?: AddHeaders;
}

/**
 * Answers a stream whose response has not begun.
 * @param body bytes, one character each
 * @param added headers of the caller's, before mappers and filters see them; a function alone adds them before the route's
 * @param flags response flags that the answer itself does not know of yet
 */
export function sendLocalReply(
  stream: HttpStream,
  status: number,
  body: string,
  details: string,
  added: AddHeaders | ReplyHeaders = {},
  flags = 0,
): void {
  if (stream.responseStarted || stream.finished) return;
  const { manager } = stream;
  const headers = stream.responseHeaders;
  headers.clear();
  if (status === 400) stream.codec.onBadRequest();
  stream.responseCodeDetails = details;
  stream.localReplyBody = body;
  let contentType = 'text/plain';
  addHeaders(stream, status, typeof added === 'function' ? { prepare: added } : added);
  const reply = manager.localReply;
  if (reply.mappers.length > 0 || reply.format !== undefined) {
    let format = reply.format;
    let formatType = reply.contentType;
    for (const mapper of reply.mappers) {
      if (!mapper.applies(stream)) continue;
      mapper.headers.applyResponse(headers, stream);
      if (mapper.status !== undefined) stream.responseCode = mapper.status;
      if (mapper.body !== undefined) stream.localReplyBody = mapper.body;
      if (mapper.format !== undefined) {
        format = mapper.format;
        formatType = mapper.contentType;
      }
      break;
    }
    if (format !== undefined) {
      stream.localReplyBody = format.format(stream);
      contentType = formatType;
    }
  }
  stream.flags |= flags;
  if (stream.filters.grpc ?? isGrpc(stream.requestHeaders)) {
    answerGrpc(stream);
    return;
  }
  const bytes = Buffer.from(stream.localReplyBody, 'latin1');
  stream.localReplyBody = '';
  if (bytes.length > 0) {
    headers.setKnown(Known['content-length'], String(bytes.length));
    if (!headers.hasKnown(Known['content-type'])) headers.addKnown(Known['content-type'], contentType);
  }
  const bodiless = bytes.length === 0 || stream.method === 'HEAD';
  stream.filters.response(bodiless);
  if (!bodiless && !stream.finished) stream.filters.responseData(bytes, true);
}

/** As in Envoy, what the route adds is formatted before the response has its status. */
function addHeaders(stream: HttpStream, status: number, { prepare, decorate }: ReplyHeaders): void {
  prepare?.(stream);
  addRouteHeaders(stream);
  decorate?.(stream);
  stream.responseCode = status;
}

/** A call of gRPC gets its status in headers alone. Follows https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
function answerGrpc(stream: HttpStream): void {
  const headers = stream.responseHeaders;
  const message = stream.localReplyBody;
  stream.localReplyBody = '';
  headers.setKnown(Known['content-type'], 'application/grpc');
  // Who knows better has said so already.
  const status = headers.getKnown(Known['grpc-status']) ?? String(grpcStatusOf(stream.responseCode));
  headers.removeKnown(Known['grpc-status']);
  headers.addKnown(Known['grpc-status'], status);
  if (message !== '') headers.setKnown(Known['grpc-message'], percentEncoded(message));
  stream.responseCode = 200;
  stream.filters.response(true);
}

/** For `sendLocalReply`: a call of gRPC gets this status, whatever the HTTP status stands for. */
export function withGrpcStatus(status: number): (reply: HttpStream) => void {
  return ({ requestHeaders, responseHeaders }) => {
    if (isGrpc(requestHeaders)) responseHeaders.setKnown(Known['grpc-status'], String(status));
  };
}

function isGrpc(headers: HttpStream['requestHeaders']): boolean {
  const type = headers.getKnown(Known['content-type']);
  return type !== undefined && isGrpcContentType(type);
}
