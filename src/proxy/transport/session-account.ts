/**
 * Brings the stats of HTTP/2 codecs up to what a session has counted: by the difference, where there is one, after each read and flush.
 */
import type { Http2CodecStats } from '#proxy/observe/stats/http2-stats.ts';
import type { Counter, Gauge } from '#proxy/observe/stats/metrics.ts';

/** What of a session is counted. */
interface Counted {
  readonly streams: { readonly size: number };
  readonly pendingBytes: number;
  readonly hadData: boolean;
  readonly resetsSent: number;
  readonly resetsReceived: number;
  readonly trailersReceived: number;
  readonly flood: { readonly outbound: number; readonly outboundControl: number };
}

export class SessionAccount {
  private readonly session: Counted;
  private readonly stats: Http2CodecStats;
  private readonly ofClients: boolean;
  private streams = 0;
  private pending = 0;
  private hadData = false;
  private resetsSent = 0;
  private resetsReceived = 0;
  private trailers = 0;
  private outbound = 0;
  private outboundControl = 0;
  private closed = false;

  /** @param ofClients a client is at the other end: trailers of hosts are not counted */
  constructor(session: Counted, stats: Http2CodecStats, ofClients: boolean) {
    this.session = session;
    this.stats = stats;
    this.ofClients = ofClients;
  }

  settle(): void {
    if (this.closed) return;
    const { session, stats } = this;
    const { flood } = session;
    this.streams = moved(stats.streamsActive, this.streams, session.streams.size);
    if (session.hadData) this.settleData();
    this.resetsSent = moved(stats.txReset, this.resetsSent, session.resetsSent);
    this.resetsReceived = moved(stats.rxReset, this.resetsReceived, session.resetsReceived);
    if (this.ofClients) this.trailers = moved(stats.trailers, this.trailers, session.trailersReceived);
    this.outbound = moved(stats.outboundFramesActive, this.outbound, flood.outbound);
    this.outboundControl = moved(stats.outboundControlFramesActive, this.outboundControl, flood.outboundControl);
  }

  /** As in Envoy, the gauge counts as used from the first body on. */
  private settleData(): void {
    const { session, stats } = this;
    if (!this.hadData) stats.pendingSendBytes.add(0);
    this.hadData = true;
    this.pending = moved(stats.pendingSendBytes, this.pending, session.pendingBytes);
  }

  /** The connection is gone, and with it what its gauges show: frames that it never sent among them. */
  close(): void {
    this.settle();
    this.closed = true;
    const { stats } = this;
    moved(stats.streamsActive, this.streams, 0);
    moved(stats.pendingSendBytes, this.pending, 0);
    moved(stats.outboundFramesActive, this.outbound, 0);
    moved(stats.outboundControlFramesActive, this.outboundControl, 0);
  }
}

function moved(stat: Counter | Gauge, before: number, now: number): number {
  if (now !== before) stat.add(now - before);
  return now;
}
