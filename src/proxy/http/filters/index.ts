/**
 * Every HTTP filter, one line each. The router is not among them: it ends each chain.
 */
import type { HttpFilter } from '#proxy/http/filter.ts';
import { connectGrpcBridge } from '#proxy/http/filters/connect-grpc-bridge.ts';
import { dynamicForwardProxy } from '#proxy/http/filters/dynamic-forward-proxy.ts';
import { grpcHttp1Bridge } from '#proxy/http/filters/grpc-http1-bridge.ts';
import { grpcHttp1ReverseBridge } from '#proxy/http/filters/grpc-http1-reverse-bridge.ts';
import { grpcJsonTranscoder } from '#proxy/http/filters/grpc-json-transcoder.ts';
import { grpcStats } from '#proxy/http/filters/grpc-stats.ts';
import { grpcWeb } from '#proxy/http/filters/grpc-web.ts';
import { onDemand } from '#proxy/http/filters/on-demand.ts';

export const httpFilters: readonly HttpFilter[] = [
  connectGrpcBridge,
  dynamicForwardProxy,
  grpcHttp1Bridge,
  grpcHttp1ReverseBridge,
  grpcJsonTranscoder,
  grpcStats,
  grpcWeb,
  onDemand,
];
