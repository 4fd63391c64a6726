/**
 * What requests that the proxy makes itself have in common, calls of services and copies of requests among them.
 * Follows Envoy's Http::AsyncStreamImpl and its `http.async-client.` stats.
 */
import { appendForwardedFor } from '#proxy/http/forwarded.ts';
import { routerStats } from '#proxy/observe/stats/http-stats.ts';
import type { Counter } from '#proxy/observe/stats/metrics.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';
import { localAddress } from '#selection/local-address.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

const counters = new WeakMap<WorkerContext, Counter>();

export function countOwnRequest(worker: WorkerContext): void {
  let counter = counters.get(worker);
  if (counter === undefined) {
    counter = routerStats(worker.scope.scope('http.async-client')).rqTotal;
    counters.set(worker, counter);
  }
  counter.inc();
}

/** Says that the request is internal, and who makes it. */
export function signOwnRequest(headers: Headers): void {
  headers.setKnown(Known['x-envoy-internal'], 'true');
  appendForwardedFor(headers, localAddress());
}
