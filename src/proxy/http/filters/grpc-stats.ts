/**
 * Counts calls of gRPC and their messages, among the stats of the cluster that answers them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter
 */
import { honours } from '#config/read/support.ts';
import type { FilterConfig } from '#envoy/extensions/filters/http/grpc_stats/v3/config_pb.js';
import { clusterOf } from '#proxy/http/cluster-of.ts';
import { Continue, httpFilter } from '#proxy/http/filter.ts';
import { GrpcCallStats } from '#proxy/http/grpc-call-stats.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { type GrpcCall, grpcCall } from '#selection/grpc-request.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import { MessageCounter } from '#wire/grpc/message-frames.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const MESSAGE = 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig';
const check = honours(MESSAGE, [
  'emit_filter_state',
  'individual_method_stats_allowlist',
  'stats_for_all_methods',
  'enable_upstream_stats',
  'replace_dots_in_grpc_service_name',
]);

interface Config {
  emitsFilterState: boolean;
  /** Stats by method: of all, or of these (`service/method`). */
  methods: 'all' | 'none' | string[];
  timesUpstream: boolean;
  replacesDots: boolean;
}

/** What it keeps of a call. */
interface Call {
  stats: GrpcCallStats | undefined;
  requests: MessageCounter;
  responses: MessageCounter;
}

/** Where other filters and access logs find the counts, as Envoy names it. */
const STATE = 'envoy.filters.http.grpc_stats';

export const grpcStats = httpFilter({
  name: 'envoy.filters.http.grpc_stats',
  message: MESSAGE,

  config(message: FilterConfig, at): Config {
    check(message, at);
    const { perMethodStatSpecifier: chosen } = message;
    return {
      emitsFilterState: message.emitFilterState,
      methods: methodsOf(chosen),
      timesUpstream: message.enableUpstreamStats,
      replacesDots: message.replaceDotsInGrpcServiceName,
    };
  },

  request(stream, { index, config }) {
    if (!isGrpc(stream.requestHeaders.getKnown(Known['content-type']))) return Continue;
    const called = grpcCall(stream.path);
    const scope = called && clusterOf(stream)?.scope;
    const call: Call = {
      stats: scope && new GrpcCallStats(scope, methodPrefix(config, called)),
      requests: new MessageCounter(),
      responses: new MessageCounter(),
    };
    stream.filters.state[index] = call;
    return Continue;
  },

  requestData(stream, { index, config }, chunk) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    const added = call.requests.add(chunk);
    if (added === 0) return Continue;
    onMessages(stream, call, config);
    call.stats?.requestMessages.add(added);
    return Continue;
  },

  response(stream, { index, config }, end) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call !== undefined && end) finish(stream, call, stream.responseHeaders, config);
    return Continue;
  },

  responseData(stream, { index, config }, chunk) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call === undefined) return Continue;
    const added = call.responses.add(chunk);
    if (added === 0) return Continue;
    onMessages(stream, call, config);
    call.stats?.responseMessages.add(added);
    return Continue;
  },

  responseTrailers(stream, { index, config }, trailers) {
    const call = stream.filters.state[index] as Call | undefined;
    if (call !== undefined) finish(stream, call, trailers, config);
    return Continue;
  },
});

function methodsOf(chosen: FilterConfig['perMethodStatSpecifier']): Config['methods'] {
  if (chosen.case === 'statsForAllMethods') return chosen.value.value ? 'all' : 'none';
  if (chosen.case !== 'individualMethodStatsAllowlist') return 'none';
  return chosen.value.services.flatMap(({ name, methodNames }) => methodNames.map((method) => `${name}/${method}`));
}

/** `service.method` where stats are kept by method; else undefined. */
function methodPrefix({ methods, replacesDots }: Config, { service, method }: GrpcCall): string | undefined {
  if (methods === 'none') return undefined;
  if (methods === 'all') return `${replacesDots ? service.replaceAll('.', '_') : service}.${method}`;
  return methods.includes(`${service}/${method}`) ? `${service}.${method}` : undefined;
}

function finish(stream: HttpStream, { stats }: Call, headers: Headers, { timesUpstream }: Config): void {
  stats?.ended(headers.getKnown(Known['grpc-status']));
  const { lastDownstreamRxByte, lastUpstreamRxByte, firstUpstreamTxByte } = stream.marks;
  const began = lastDownstreamRxByte >= 0 ? lastDownstreamRxByte : firstUpstreamTxByte;
  if (timesUpstream && began >= 0 && lastUpstreamRxByte >= began) stats?.took(Math.round(lastUpstreamRxByte - began));
}

function onMessages(stream: HttpStream, { requests, responses }: Call, { emitsFilterState }: Config): void {
  if (!emitsFilterState) return;
  stream.filterState ??= new Map();
  const counts = { request_message_count: requests.count, response_message_count: responses.count };
  stream.filterState.set(STATE, counts);
}
