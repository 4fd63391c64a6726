/**
 * What endpoints said of their load, added up on one thread until load is reported.
 * Follows config.cluster.v3.Cluster.lrs_report_endpoint_metrics.
 */
import type { Host } from '#proxy/upstream/host.ts';
import { metricsOf, orcaReport } from '#proxy/upstream/orca-report.ts';
import type { Headers } from '#wire/headers.ts';

/** By metric: in how many answers it was, and the sum. */
export type MetricSums = Map<string, { count: number; total: number }>;
/** By the key of the host. */
export type EndpointSums = Map<string, MetricSums>;

/** Endpoints choose names, so they are bounded: so many of one endpoint until the next report. */
const NAMES_LIMIT = 1000;

export class EndpointMetrics {
  private readonly wanted: readonly string[];
  private sums: EndpointSums = new Map();

  /** @param wanted lrs_report_endpoint_metrics */
  constructor(wanted: readonly string[]) {
    this.wanted = wanted;
  }

  /** @param headers or trailers of an answer. @returns whether they say anything */
  note(host: Host, headers: Headers): boolean {
    const report = orcaReport(headers);
    if (report === undefined) return false;
    let sums = this.sums.get(host.key);
    if (sums === undefined) {
      sums = new Map();
      this.sums.set(host.key, sums);
    }
    for (const [name, value] of metricsOf(report, this.wanted)) {
      if (sums.has(name) || sums.size < NAMES_LIMIT) add(sums, name, 1, value);
    }
    return true;
  }

  /** What was added up since the last time. */
  take(): EndpointSums {
    const { sums } = this;
    this.sums = new Map();
    return sums;
  }
}

/** Adds what one thread has to what others had. */
export function mergeSums(into: EndpointSums, from: EndpointSums): void {
  for (const [host, metrics] of from) {
    const known = into.get(host);
    if (known === undefined) into.set(host, metrics);
    else for (const [name, { count, total }] of metrics) add(known, name, count, total);
  }
}

function add(sums: MetricSums, name: string, count: number, total: number): void {
  const known = sums.get(name);
  if (known === undefined) sums.set(name, { count, total });
  else {
    known.count += count;
    known.total += total;
  }
}
