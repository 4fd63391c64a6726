/**
 * The stream to a management server, kept up: opened again with growing pauses when it breaks, by way of a second gRPC service where the
 * first does not answer, and with no more requests than the rate limit allows.
 * Follows config.core.v3.ApiConfigSource and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/dynamic_configuration#xds-failover
 */
import type { Clock } from '#base/clock.ts';
import { logger } from '#base/logger.ts';
import type { Random } from '#base/random.ts';
import type { Schedule } from '#base/timers.ts';
import type { ApiConfigSource, GrpcService } from '#config/model/config-source.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import { GrpcStream } from '#proxy/upstream/grpc-stream.ts';
import { BackOff } from '#proxy/xds/back-off.ts';
import type { ControlPlaneStats } from '#proxy/xds/control-plane-stats.ts';
import { TokenBucket } from '#proxy/xds/token-bucket.ts';

/** What is spoken on the stream. */
export interface StreamProtocol {
  /** A stream is open: everything that is wanted is to be asked for anew. */
  onOpened(): void;
  /** @returns whether it is a response at all */
  onMessage(bytes: Uint8Array): boolean;
  onBroken(): void;
  /** The next request, when it may be sent; undefined: there is none. */
  nextRequest(): Uint8Array | undefined;
  /** How many requests wait. */
  readonly pending: number;
}

export interface ControlPlaneStreamParts {
  source: Pick<ApiConfigSource, 'grpcServices' | 'rateLimit'>;
  /** `/package.Service/Method` */
  method: string;
  cluster(name: string): Cluster | undefined;
  stats: ControlPlaneStats;
  random: Random;
  schedule: Schedule;
  clock: Clock;
}

/** So often the first service may fail to answer before the second is tried. */
const FAILURES_BEFORE_FAILOVER = 2;
const INTERNAL = 13;
const UNAVAILABLE = 14;

export class ControlPlaneStream {
  private readonly parts: ControlPlaneStreamParts;
  private readonly protocol: StreamProtocol;
  private readonly backOffs: BackOff[];
  private readonly bucket: TokenBucket | undefined;
  private readonly log = logger('config');
  private stream: GrpcStream | undefined = undefined;
  /** Place in `grpcServices` of the one that is tried. */
  private service = 0;
  private failures = 0;
  private answered = false;
  /** The first service answered once: from then on it is the only one. */
  private firstAnswered = false;
  private stopped = false;
  private flushing = false;
  private cancelRetry: () => void = () => {};

  constructor(parts: ControlPlaneStreamParts, protocol: StreamProtocol) {
    this.parts = parts;
    this.protocol = protocol;
    const { grpcServices, rateLimit } = parts.source;
    this.backOffs = grpcServices.map(({ retry }) => new BackOff(parts.random, retry));
    this.bucket = rateLimit === undefined ? undefined : new TokenBucket(parts.clock, rateLimit);
  }

  start(): void {
    this.open();
  }

  stop(): void {
    this.stopped = true;
    this.cancelRetry();
    this.stream?.cancel();
    this.stream = undefined;
    this.parts.stats.connectedState.set(0);
  }

  /** There is something to send: it leaves when this turn of the loop is over, together with what else comes up in it. */
  wake(): void {
    this.parts.stats.pendingRequests.set(this.protocol.pending);
    if (this.flushing || this.stream === undefined) return;
    this.flushing = true;
    setImmediate(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    const { stream, bucket, protocol } = this;
    const { stats, schedule } = this.parts;
    while (stream !== undefined && stream === this.stream && protocol.pending > 0) {
      if (bucket !== undefined && !bucket.take()) {
        stats.rateLimitEnforced.inc();
        this.flushing = true;
        schedule(bucket.wait, () => {
          this.flushing = false;
          this.flush();
        });
        break;
      }
      const request = protocol.nextRequest();
      if (request === undefined) break;
      stream.send(request);
    }
    stats.pendingRequests.set(protocol.pending);
  }

  private open(): void {
    const { parts, protocol } = this;
    const service = this.current;
    const cluster = parts.cluster(service.clusterName);
    this.answered = false;
    if (cluster === undefined) return this.onBroken(UNAVAILABLE, `cluster '${service.clusterName}' is not there`);
    const stream: GrpcStream = new GrpcStream(cluster, parts.method, service, {
      onMessage: (bytes) => {
        if (this.stream === stream) this.onMessage(bytes);
      },
      onClosed: (status, message) => {
        if (this.stream === stream) this.onBroken(status, message);
      },
    });
    this.stream = stream;
    parts.stats.connectedState.set(1);
    protocol.onOpened();
    stream.open();
    this.wake();
  }

  private get current(): GrpcService {
    return this.parts.source.grpcServices[this.service];
  }

  private onMessage(bytes: Uint8Array): void {
    this.answered = true;
    this.failures = 0;
    if (this.service === 0) this.firstAnswered = true;
    this.backOffs[this.service].reset();
    if (this.protocol.onMessage(bytes)) return;
    this.stream?.cancel();
    this.onBroken(INTERNAL, 'the server sent bytes that are no response');
  }

  private onBroken(status: number, message: string): void {
    this.stream = undefined;
    const { method, stats, schedule } = this.parts;
    stats.connectedState.set(0);
    if (this.stopped) return;
    const name = method.slice(method.lastIndexOf('/') + 1);
    this.log.warning(`${name} gRPC config stream to ${this.current.clusterName} closed: ${status}, ${message}`);
    this.protocol.onBroken();
    const pause = this.backOffs[this.service].next();
    this.chooseService();
    this.cancelRetry = schedule(pause, () => this.open());
  }

  /** The first is tried twice, then both in turns, until one answers. */
  private chooseService(): void {
    if (this.parts.source.grpcServices.length < 2 || this.firstAnswered) {
      this.service = 0;
      return;
    }
    if (this.answered) {
      this.service = 0;
      this.failures = 0;
      return;
    }
    this.failures++;
    if (this.service === 1) this.service = 0;
    else if (this.failures >= FAILURES_BEFORE_FAILOVER) this.service = 1;
  }
}
