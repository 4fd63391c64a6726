/**
 * One connection on its way through the filters of its listener. Bytes that they look at are kept, and go on with the connection: they are
 * read from the socket once, and nobody reads them again.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/listener_filters
 */
import { Timer } from '#base/timers.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import {
  Continue,
  type ListenerFilterInUse,
  type ListenerFilterStatus,
  Wait,
} from '#proxy/listeners/listener-filter.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import { type OwnedSocket, own, type SocketOwner } from '#proxy/transport/owned-socket.ts';

/** How it ended: go on and choose a filter chain; a filter closed it; the client left; the socket broke; too much time went by. */
export type ListenerFilterOutcome = 'ready' | 'closed' | 'remote_close' | 'error' | 'timeout';

/** Whoever had the filters look. */
export interface ListenerFilterCaller {
  /** Milliseconds that the filters may wait for bytes; 0: as long as they want. */
  readonly listenerFiltersTimeout: number;
  armTimer(timer: Timer): void;
  cancelTimer(timer: Timer): void;
  /** Called once. The socket is this function's: where the outcome is another than `ready`, it is to be closed. */
  onFiltered(run: ListenerFilterRun, outcome: ListenerFilterOutcome): void;
}

const FIRST_SIZE = 2048;

export class ListenerFilterRun implements SocketOwner {
  readonly connection: DownstreamConnection;
  readonly socket: OwnedSocket;
  private readonly filters: readonly ListenerFilterInUse[];
  private readonly caller: ListenerFilterCaller;
  private at = 0;
  private buffer: Buffer | undefined;
  /** Where in `buffer` the bytes are that nobody took. */
  private from = 0;
  private to = 0;
  private timer: Timer | undefined = undefined;
  private over = false;

  /** @param early bytes that were read before; they become this run's. */
  constructor(
    socket: OwnedSocket,
    connection: DownstreamConnection,
    filters: readonly ListenerFilterInUse[],
    caller: ListenerFilterCaller,
    early: Buffer | undefined,
  ) {
    this.socket = socket;
    this.connection = connection;
    this.filters = filters;
    this.caller = caller;
    this.buffer = early;
    this.to = early?.length ?? 0;
  }

  /** The system's number of the socket. */
  get descriptor(): number {
    return (this.socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1;
  }

  /** What came and was not taken by a filter; undefined where there is nothing. */
  get early(): Buffer | undefined {
    return this.to > this.from ? this.buffer?.subarray(this.from, this.to) : undefined;
  }

  /** Called by filters: the first bytes are theirs, and nobody sees them any more. */
  take(count: number): void {
    this.from += count;
    this.connection.bytesTaken += count;
  }

  start(): void {
    own(this.socket, this, false);
    this.go(undefined);
  }

  /** Gives up: the listener goes. */
  abandon(): void {
    if (!this.over) this.finish('closed');
  }

  onRead(count: number, bytes: Buffer): void {
    if (this.over) return;
    this.keep(bytes, count);
    asEvent(() => this.go(this.look(this.filters[this.at])));
  }

  onEnd(): void {
    asEvent(() => this.finish('remote_close'));
  }

  onDrain(): void {}

  onError(): void {
    asEvent(() => this.finish('error'));
  }

  onClose(): void {
    asEvent(() => this.finish('remote_close'));
  }

  /** @param status the word of the filter that was asked last; undefined: none was yet */
  private go(status: ListenerFilterStatus | undefined): void {
    let last = status;
    if (last === Continue) this.at++;
    while (last === undefined || last === Continue) {
      if (this.at === this.filters.length) return this.finish('ready');
      const use = this.filters[this.at];
      last = use.disabled?.(this.connection) === true ? Continue : use.filter.accept(this, use);
      if (last === Wait && this.early !== undefined) last = this.look(use);
      if (last === Continue) this.at++;
    }
    if (last === Wait) this.wait();
    else this.finish('closed');
  }

  private look(use: ListenerFilterInUse): ListenerFilterStatus {
    const bytes = this.early;
    return bytes === undefined || use.filter.data === undefined ? Wait : use.filter.data(this, use, bytes);
  }

  private wait(): void {
    if (this.timer !== undefined || this.caller.listenerFiltersTimeout <= 0) return;
    this.timer = new Timer(() => asEvent(() => this.finish('timeout')));
    this.caller.armTimer(this.timer);
  }

  private finish(outcome: ListenerFilterOutcome): void {
    if (this.over) return;
    this.over = true;
    if (this.timer !== undefined) this.caller.cancelTimer(this.timer);
    this.caller.onFiltered(this, outcome);
  }

  private keep(bytes: Buffer, count: number): void {
    const needed = this.to + count;
    if (this.buffer === undefined || needed > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_SIZE, needed, 2 * (this.buffer?.length ?? 0)));
      if (this.buffer !== undefined) this.buffer.copy(larger, 0, 0, this.to);
      this.buffer = larger;
    }
    bytes.copy(this.buffer, this.to, 0, count);
    this.to = needed;
  }
}
