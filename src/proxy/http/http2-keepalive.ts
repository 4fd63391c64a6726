/**
 * PINGs that find out whether the client is still there. Follows config.core.v3.KeepaliveSettings.
 */
import type { Random } from '#base/random.ts';
import { Timer, type Timers } from '#base/timers.ts';
import type { Http2Keepalive } from '#config/model/http-connection-manager.ts';
import { asEvent } from '#proxy/transport/io-event.ts';

/** Whose connection it is. */
export interface KeptAlive {
  sendPing(): void;
  /** No answer came within the timeout. */
  onPingTimeout(): void;
}

export class KeepalivePings {
  private readonly settings: Http2Keepalive;
  private readonly timers: Timers;
  private readonly random: Pick<Random, 'uint32'>;
  private readonly intervalTimer: Timer;
  private readonly timeoutTimer: Timer;

  constructor(settings: Http2Keepalive, owner: KeptAlive, timers: Timers, random: Pick<Random, 'uint32'>) {
    this.settings = settings;
    this.timers = timers;
    this.random = random;
    this.intervalTimer = new Timer(() =>
      asEvent(() => {
        owner.sendPing();
        timers.arm(this.timeoutTimer, settings.timeout);
      }),
    );
    this.timeoutTimer = new Timer(() => asEvent(() => owner.onPingTimeout()));
    this.arm();
  }

  private arm(): void {
    const { interval, intervalJitterPercent } = this.settings;
    const most = Math.floor((interval * intervalJitterPercent) / 100);
    this.timers.arm(this.intervalTimer, interval + (most > 0 ? this.random.uint32() % most : 0));
  }

  onAck(): void {
    if (!this.timeoutTimer.armed) return;
    this.timers.cancel(this.timeoutTimer);
    this.arm();
  }

  stop(): void {
    this.timers.cancel(this.intervalTimer);
    this.timers.cancel(this.timeoutTimer);
  }
}
