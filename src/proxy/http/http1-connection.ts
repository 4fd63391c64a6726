/**
 * The connection of a client of HTTP/1 as such: its socket, its times, and how it ends.
 * Follows config.core.v3.HttpProtocolOptions and HttpConnectionManager.delayed_close_timeout.
 */
import type { Socket } from 'node:net';
import type { Timer } from '#base/timers.ts';
import { ClientConnection } from '#proxy/http/client-connection.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { Outgoing } from '#proxy/transport/outgoing.ts';

/** A request's head is next. */
export const HEAD = 0;
/** In a request's body. */
export const BODY = 1;
/** The request is whole; the response is under way. Nothing more is read until it is done. */
export const RESPONDING = 2;
/** Nothing that still comes is looked at. */
export const CLOSED = 3;
/** The upgrade was answered; what the client sent before that has not been passed on yet. */
export const SWITCHING = 4;

export abstract class Http1Connection extends ClientConnection {
  readonly multiplexed = false;
  readonly outgoing: Outgoing;
  /** Its time is over, and the answer to the next request that begins is its last (http1_safe_max_connection_duration). */
  softDraining = false;
  abstract readonly idleTimer: Timer;
  abstract readonly delayedCloseTimer: Timer;
  abstract readonly headTimer: Timer;
  abstract readonly durationTimer: Timer;
  protected phase = HEAD;
  /** The connection closes with a delay, so that the client can read why. */
  protected lingers = false;

  constructor(socket: Socket, connection: DownstreamConnection, manager: ConnectionManager) {
    super(socket, connection, manager);
    this.outgoing = new Outgoing(socket, this.bufferedBytes);
  }

  /** Closes once everything is written; `wait`: gives the client up to delayed_close_timeout to close first. */
  close(wait: boolean, reason: string): void {
    if (this.socket.destroyed) return;
    this.connection.localCloseReason = reason;
    this.phase = CLOSED;
    this.manager.worker.timers.cancel(this.idleTimer);
    const delay = this.manager.config.delayedCloseTimeout;
    this.endedByUs = !wait || delay === 0;
    if (!this.endedByUs) {
      this.outgoing.flush();
      this.manager.worker.timers.arm(this.delayedCloseTimer, delay);
    } else this.outgoing.end();
  }

  endAfterResponse(): void {
    this.closing = true;
  }

  warn(): void {
    this.closing = true;
    this.lingers = true;
  }

  protected stopTimers(): void {
    const { timers } = this.manager.worker;
    timers.cancel(this.idleTimer);
    timers.cancel(this.delayedCloseTimer);
    timers.cancel(this.headTimer);
    timers.cancel(this.durationTimer);
  }
}
