/**
 * PINGs that find out whether a host is there. Follows config.core.v3.KeepaliveSettings.
 */
import { Timer } from '#base/timers.ts';
import type { Http2Keepalive as Settings } from '#config/model/http-connection-manager.ts';
import { asEvent, clock } from '#proxy/transport/io-event.ts';
import type { WorkerContext } from '#proxy/worker-context.ts';

/** Whose connection is asked. */
export interface KeptAlive {
  readonly session: { ping(): void };
  /** No answer came in time. */
  onKeepaliveTimeout(): void;
}

export class Http2Keepalive {
  private readonly of: KeptAlive;
  private readonly settings: Settings;
  private readonly worker: WorkerContext;
  private readonly next: Timer;
  private readonly late: Timer;
  private lastBytes: number;

  constructor(of: KeptAlive, settings: Settings, worker: WorkerContext) {
    this.of = of;
    this.settings = settings;
    this.worker = worker;
    this.lastBytes = clock.now();
    this.next = new Timer(() => asEvent(() => this.ask()));
    this.late = new Timer(() => asEvent(() => of.onKeepaliveTimeout()));
  }

  start(): void {
    const { interval, intervalJitterPercent } = this.settings;
    if (interval <= 0) return;
    const jitter = Math.floor((interval * intervalJitterPercent) / 100);
    const wait = interval + (jitter > 0 ? this.worker.random.uint32() % jitter : 0);
    this.worker.timers.arm(this.next, wait);
  }

  stop(): void {
    this.worker.timers.cancel(this.next);
    this.worker.timers.cancel(this.late);
  }

  /** A request is to be sent: after a long silence the host is asked first whether it is there. */
  beforeRequest(): void {
    const { connectionIdleInterval } = this.settings;
    if (connectionIdleInterval > 0 && clock.now() - this.lastBytes >= connectionIdleInterval) this.ask();
  }

  private ask(): void {
    if (this.late.armed) return;
    this.of.session.ping();
    this.worker.timers.arm(this.late, this.settings.timeout);
  }

  /** Bytes came: the answer may be behind them. */
  onBytes(): void {
    this.lastBytes = clock.now();
    if (this.late.armed) this.worker.timers.arm(this.late, this.settings.timeout);
  }

  onAnswer(): void {
    this.worker.timers.cancel(this.late);
    this.start();
  }
}
