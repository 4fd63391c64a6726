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
  private readonly limits: FloodLimits;

  constructor(limits: FloodLimits) {
    this.limits = limits;
  }

  /** A frame was written. */
  written(control: boolean): void {
    if (++this.outbound > this.limits.maxOutboundFrames) this.violation ??= Violations.OutboundFrames;
    if (control && ++this.outboundControl > this.limits.maxOutboundControlFrames)
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
