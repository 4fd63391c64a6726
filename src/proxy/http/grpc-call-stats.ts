/**
 * What is counted of calls of gRPC, below `cluster.<name>.grpc.`: by service and method, or of all calls together.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_stats_filter#statistics
 */
import type { Counter, Scope } from '#proxy/observe/stats/metrics.ts';

export class GrpcCallStats {
  private readonly scope: Scope;

  /** @param cluster scope of the cluster's stats. @param method `service.method`; undefined: of all */
  constructor(cluster: Scope, method: string | undefined) {
    const grpc = cluster.scope('grpc');
    this.scope = method === undefined ? grpc : grpc.scope(method);
  }

  get requestMessages(): Counter {
    return this.scope.counter('request_message_count');
  }

  get responseMessages(): Counter {
    return this.scope.counter('response_message_count');
  }

  /** A call ended. @param status what `grpc-status` said; a call that ended without one is not counted */
  ended(status: string | undefined): void {
    if (status === undefined) return;
    this.scope.counter(status).inc();
    this.scope.counter(status === '0' ? 'success' : 'failure').inc();
    this.scope.counter('total').inc();
  }

  /** @param milliseconds from the request's last byte to the response's */
  took(milliseconds: number): void {
    this.scope.histogram('upstream_rq_time', 'Milliseconds').record(milliseconds);
  }
}
