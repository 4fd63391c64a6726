/**
 * LRS: tells a management server how many requests went to which members of clusters, at the intervals and for the clusters that it asks
 * for. What is reported are the counters that are there anyway; this remembers where they stood.
 * Follows envoy.service.load_stats.v3 and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_reporting_service
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '#api/registry.ts';
import { logger } from '#base/logger.ts';
import type { Schedule } from '#base/timers.ts';
import type { GrpcService } from '#config/model/config-source.ts';
import { millisecondsOr } from '#config/read/duration.ts';
import type { Node } from '#envoy/config/core/v3/base_pb.js';
import type { LoadStatsResponse } from '#envoy/service/load_stats/v3/lrs_pb.js';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { GrpcStream } from '#proxy/upstream/grpc-stream.ts';
import { type ClusterLoad, clusterReport, nothingSeen, type SeenLoad } from '#proxy/xds/cluster-report.ts';

const SERVICE = 'envoy.service.load_stats.v3';
const METHOD = `/${SERVICE}.LoadReportingService/StreamLoadStats`;
/** Between two attempts, in milliseconds: always the same, as in Envoy. */
const RETRY_PAUSE = 5000;
/** A server that asks for more often than this, in milliseconds, gets this. */
const SHORTEST_INTERVAL = 10;
/** So many clusters are looked at before requests have their turn. */
const AT_ONCE = 50;
const UNAVAILABLE = 14;

/** The clusters that serve. */
export interface LoadSource {
  names(): Iterable<string>;
  /** Undefined: there is no such cluster. */
  load(name: string): ClusterLoad | undefined;
  /** Brings together what hosts said of themselves to workers since the last time. */
  gather(): Promise<void>;
}

export interface LoadReporterParts {
  service: GrpcService;
  source: LoadSource;
  node(): Node;
  /** A cluster to send requests through. */
  cluster(name: string): Cluster | undefined;
  /** `load_reporter` */
  scope: Scope;
  schedule: Schedule;
  /** Milliseconds. */
  now(): number;
}

/** A cluster that the server asked for. */
interface Tracked {
  /** When it was reported last, or asked for. */
  since: number;
  seen: SeenLoad;
}

export class LoadReporter {
  private readonly parts: LoadReporterParts;
  private readonly log = logger('upstream');
  private readonly requests;
  private readonly responses;
  private readonly errors;
  private readonly retries;
  private stream: GrpcStream | undefined = undefined;
  private asked: LoadStatsResponse | undefined = undefined;
  private tracked = new Map<string, Tracked>();
  private cancelTimer: () => void = () => {};
  /** Counts up: one that is being begun gives way to the next. */
  private periods = 0;
  private stopped = false;

  constructor(parts: LoadReporterParts) {
    this.parts = parts;
    const { scope } = parts;
    // Named from the server's side: it sends requests for reports, which are the responses.
    this.requests = scope.counter('requests');
    this.responses = scope.counter('responses');
    this.errors = scope.counter('errors');
    this.retries = scope.counter('retries');
  }

  start(): void {
    const { service, cluster: find } = this.parts;
    const cluster = find(service.clusterName);
    if (cluster === undefined) {
      return this.onClosed(UNAVAILABLE, `cluster '${service.clusterName}' is not there`);
    }
    const stream: GrpcStream = new GrpcStream(cluster, METHOD, service, {
      onMessage: (bytes) => {
        if (this.stream === stream) this.onMessage(bytes);
      },
      onClosed: (status, message) => {
        if (this.stream === stream) this.onClosed(status, message);
      },
    });
    this.stream = stream;
    stream.open();
    if (this.stream === stream) void this.report();
  }

  stop(): void {
    this.stopped = true;
    this.cancelTimer();
    this.stream?.cancel();
    this.stream = undefined;
  }

  private onMessage(bytes: Uint8Array): void {
    try {
      this.asked = fromBinary(messageType(`${SERVICE}.LoadStatsResponse`), bytes) as LoadStatsResponse;
    } catch {
      this.stream?.cancel();
      return this.onClosed(UNAVAILABLE, 'the server sent bytes that are no LoadStatsResponse');
    }
    this.requests.inc();
    void this.beginPeriod(this.asked);
  }

  private onClosed(status: number, message: string): void {
    this.stream = undefined;
    this.cancelTimer();
    if (this.stopped) return;
    if (status !== 0) this.errors.inc();
    this.retries.inc();
    this.log.warning(`StreamLoadStats gRPC stream to ${this.parts.service.clusterName} closed: ${status}, ${message}`);
    this.cancelTimer = this.parts.schedule(RETRY_PAUSE, () => this.start());
  }

  /** What a cluster did before it was asked for is nobody's; one that was asked for before goes on. */
  private async beginPeriod(asked: LoadStatsResponse): Promise<void> {
    const { source, now, schedule } = this.parts;
    const period = ++this.periods;
    const tracked = new Map<string, Tracked>();
    let count = 0;
    for (const name of asked.sendAllClusters ? source.names() : asked.clusters) {
      const known = this.tracked.get(name);
      const seen = known?.seen ?? nothingSeen();
      tracked.set(name, known ?? { since: now(), seen });
      if (known !== undefined) continue;
      const load = source.load(name);
      if (load !== undefined) clusterReport(load, seen, false);
      if (++count % AT_ONCE === 0) await nextTurn();
      if (period !== this.periods) return;
    }
    this.tracked = tracked;
    this.cancelTimer();
    if (this.stream === undefined) return;
    const interval = Math.max(SHORTEST_INTERVAL, millisecondsOr(asked.loadReportingInterval, 0));
    this.cancelTimer = schedule(interval, () => void this.report());
  }

  private async report(): Promise<void> {
    const { stream, asked } = this;
    if (asked !== undefined) await this.parts.source.gather();
    const clusterStats = await this.clusterStats(asked?.reportEndpointGranularity ?? false);
    if (stream === undefined || stream !== this.stream) return;
    const { node } = this.parts;
    const self = { ...node(), clientFeatures: [...node().clientFeatures, 'envoy.lrs.supports_send_all_clusters'] };
    stream.send(Buffer.concat([encoded({ node: self }), ...clusterStats]));
    this.responses.inc();
    if (this.asked !== undefined) await this.beginPeriod(this.asked);
  }

  /** @returns some clusters each; the bytes of parts of a message, one behind the other, are those of the whole */
  private async clusterStats(byEndpoint: boolean): Promise<Uint8Array[]> {
    const { source } = this.parts;
    const parts: Uint8Array[] = [];
    let some: object[] = [];
    for (const [clusterName, tracked] of this.tracked) {
      const load = source.load(clusterName);
      if (load === undefined) continue;
      const now = this.parts.now();
      const loadReportInterval = durationOf(now - tracked.since);
      tracked.since = now;
      some.push({ clusterName, ...clusterReport(load, tracked.seen, byEndpoint), loadReportInterval });
      if (some.length < AT_ONCE) continue;
      parts.push(encoded({ clusterStats: some }));
      some = [];
      await nextTurn();
    }
    parts.push(encoded({ clusterStats: some }));
    return parts;
  }
}

/** @param fields of LoadStatsRequest */
function encoded(fields: object): Uint8Array {
  const type = messageType(`${SERVICE}.LoadStatsRequest`);
  return toBinary(type, create(type, fields as never));
}

/** Requests go first. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** @param time milliseconds */
function durationOf(time: number): { seconds: bigint; nanos: number } {
  const micros = Math.max(0, Math.round(time * 1000));
  return { seconds: BigInt(Math.trunc(micros / 1e6)), nanos: (micros % 1e6) * 1000 };
}
