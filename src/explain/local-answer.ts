/**
 * What the proxy answers by itself, and how it is sent: a call of gRPC gets its status in headers, with 200 as that of HTTP.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/local_reply
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { ExplainedResponse } from '#explain/explanation.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { grpcStatusOf, percentEncoded } from '#selection/grpc-status.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

export function answer(status: number, details: string, body?: string): ExplainedResponse {
  return { status, details, ...(body === undefined ? {} : { body }), headers: [] };
}

export function asSent(
  response: ExplainedResponse,
  { headers }: RequestUnderWay,
  { localReply }: HttpConnectionManager,
): ExplainedResponse {
  const marked: ExplainedResponse = localReply === undefined ? response : { ...response, local_reply_config: true };
  // What the codec refuses is answered before anybody asks what is called.
  if (response.details.startsWith('http1.') || !isGrpc(headers.get('content-type'))) return marked;
  const { body, ...rest } = marked;
  const grpc = [
    { name: 'content-type', value: 'application/grpc' },
    { name: 'grpc-status', value: String(grpcStatusOf(response.status)) },
    ...(body === undefined ? [] : [{ name: 'grpc-message', value: percentEncoded(encodeUtf8(body)) }]),
  ];
  return { ...rest, status: 200, headers: [...response.headers, ...grpc] };
}
