/**
 * Counts what costs us more than the peer, and says when it is too much. Follows Envoy's ProtocolConstraints:
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/protocol.proto#config-core-v3-http2protocoloptions
 */
import type { FloodLimits } from '#wire/http2/session-options.ts';
import { type Violation, Violations } from '#wire/http2/violation.ts';

export class FloodGuard {
  /** Streams that were ever opened. */
  openedStreams = 0;
  /** DATA frames that were written. */
  dataFramesSent = 0;
  /** Frames that wait for the peer to read them. */
  outbound = 0;
  outboundControl = 0;
  /** What the peer did first that is too much. */
  violation: Violation | undefined = undefined;
  private emptyFrames = 0;
  private priorityFrames = 0;
  private windowUpdates = 0;
  /** What is left of the resets that the peer may send, as of `resetsAt`. */
  private resets: number;
  private resetsAt = 0;
  private readonly limits: FloodLimits;
  private readonly now: () => number;

  constructor(limits: FloodLimits, now: () => number) {
    this.limits = limits;
    this.now = now;
    this.resets = limits.streamResetBurst;
  }

  /** A frame was written. @returns whether there are more than may be: `judge` says so once they could be sent */
  written(control: boolean): boolean {
    this.outbound++;
    if (control) this.outboundControl++;
    return this.outbound > this.limits.maxOutboundFrames || this.outboundControl > this.limits.maxOutboundControlFrames;
  }

  /** What waits now, waits because the peer does not read. */
  judge(): void {
    if (this.outbound > this.limits.maxOutboundFrames) this.violation ??= Violations.OutboundFrames;
    if (this.outboundControl > this.limits.maxOutboundControlFrames)
      this.violation ??= Violations.OutboundControlFrames;
  }

  /** The peer, or the kernel for it, took so many frames. */
  sent(frames: number): void {
    this.outbound = Math.max(0, this.outbound - frames);
    // They leave in order: no more are left of one kind than of all.
    if (this.outboundControl > this.outbound) this.outboundControl = this.outbound;
  }

  /** HEADERS, CONTINUATION or DATA came. @returns whether that is too much */
  received(empty: boolean, ends: boolean): boolean {
    if (!empty || ends) this.emptyFrames = 0;
    else if (++this.emptyFrames > this.limits.maxConsecutiveInboundFramesWithEmptyPayload)
      this.violation ??= Violations.EmptyFrames;
    return this.violation !== undefined;
  }

  /** RST_STREAM came. Follows nghttp2_option_set_stream_reset_rate_limit. */
  receivedReset(): boolean {
    const { streamResetBurst, streamResetRate } = this.limits;
    if (this.resets < streamResetBurst) {
      const now = this.now();
      this.resets = Math.min(streamResetBurst, this.resets + ((now - this.resetsAt) / 1000) * streamResetRate);
      this.resetsAt = now;
    } else this.resetsAt = this.now();
    this.resets--;
    if (this.resets < 0) this.violation ??= Violations.Resets;
    return this.violation !== undefined;
  }

  receivedPriority(): boolean {
    const most = this.limits.maxInboundPriorityFramesPerStream * (1 + this.openedStreams);
    if (++this.priorityFrames > most) this.violation ??= Violations.PriorityFrames;
    return this.violation !== undefined;
  }

  receivedWindowUpdate(): boolean {
    const each = this.limits.maxInboundWindowUpdateFramesPerDataFrameSent;
    const most = 5 + 2 * (this.openedStreams + each * this.dataFramesSent);
    if (++this.windowUpdates > most) this.violation ??= Violations.WindowUpdateFrames;
    return this.violation !== undefined;
  }
}
