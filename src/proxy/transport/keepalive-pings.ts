/**
 * PINGs that find out whether the peer is still there. Follows config.core.v3.KeepaliveSettings.
 */
import type { Random } from '#base/random.ts';
import { Timer, type Timers } from '#base/timers.ts';
import type { Http2Keepalive } from '#config/model/http-connection-manager.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';

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
  private readonly owner: KeptAlive;
  private lastBytes: number;

  constructor(settings: Http2Keepalive, owner: KeptAlive, timers: Timers, random: Pick<Random, 'uint32'>) {
    this.settings = settings;
    this.timers = timers;
    this.random = random;
    this.owner = owner;
    this.lastBytes = clock.now();
    this.intervalTimer = new Timer(() => asEvent(() => this.ask()));
    this.timeoutTimer = new Timer(() => asEvent(() => owner.onPingTimeout()));
    this.arm();
  }

  private arm(): void {
    const { interval, intervalJitterPercent } = this.settings;
    if (interval <= 0) return;
    const most = Math.floor((interval * intervalJitterPercent) / 100);
    this.timers.arm(this.intervalTimer, interval + (most > 0 ? this.random.uint32() % most : 0));
  }

  private ask(): void {
    if (this.timeoutTimer.armed) return;
    this.owner.sendPing();
    this.timers.arm(this.timeoutTimer, this.settings.timeout);
  }

  /** Clients: a request is to be sent. After a long silence the peer is asked first whether it is there. */
  beforeRequest(): void {
    const { connectionIdleInterval } = this.settings;
    if (connectionIdleInterval > 0 && clock.now() - this.lastBytes >= connectionIdleInterval) this.ask();
  }

  /** Bytes came: the answer may be behind them. */
  onBytes(): void {
    this.lastBytes = clock.now();
    if (this.timeoutTimer.armed) this.timers.arm(this.timeoutTimer, this.settings.timeout);
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
