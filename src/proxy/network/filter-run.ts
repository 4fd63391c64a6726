/**
 * Where one connection stands in its chain of network filters: what the client sends walks from the first to the terminal one. A filter that
 * stops holds back what follows, which is kept here up to the buffer limit; above it the client is not read. As in Envoy, a filter that
 * stopped is shown all that is held again when more comes. Chains with nothing but a terminal filter have no such object.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/listeners/network_filter_chain
 */
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { type NetworkFilterInUse, Stop, type TerminalInUse } from '#proxy/network/network-filter.ts';
import type { OwnedSocket, SocketOwner } from '#proxy/transport/owned-socket.ts';
import { readingForNobody } from '#proxy/transport/read-buffers.ts';

const EMPTY = Buffer.alloc(0);

export class FilterRun implements SocketOwner {
  readonly connection: DownstreamConnection;
  /** What each filter keeps of this connection, at its index. */
  readonly state: unknown[] = [];
  /** A filter closed the connection. */
  closed = false;
  private readonly filters: readonly NetworkFilterInUse[];
  private readonly chainEnd: TerminalInUse;
  /** Undefined until TLS is agreed on. */
  private socket: OwnedSocket | undefined = undefined;
  private terminal: SocketOwner | undefined = undefined;
  /** How many filters know of the connection. */
  private begun = 0;
  /** Every filter let the connection pass. */
  private passed = false;
  /** What no later filter has seen yet. */
  private held: Buffer = EMPTY;
  /** `held` is memory of ours, not the buffer that is being read. */
  private heldIsOurs = true;
  private ended = false;
  /** The terminal filter knows that the client sends no more. */
  private endTold = false;
  private paused = false;
  private walking = false;

  constructor(connection: DownstreamConnection, filters: readonly NetworkFilterInUse[], chainEnd: TerminalInUse) {
    this.connection = connection;
    this.filters = filters;
    this.chainEnd = chainEnd;
  }

  /** Shows the connection to the filters. */
  begin(): void {
    this.walk(0);
  }

  /** The connection is ready to be read. */
  accept(socket: OwnedSocket): SocketOwner {
    this.socket = socket;
    // A peer that sends no more may still be answered; each terminal filter decides for itself.
    if (this.connection.secured)
      for (let i = 0; i < this.begun; i++) this.filters[i].filter.onSecured?.(this, this.filters[i]);
    if (this.passed && !this.closed) this.open();
    return this;
  }

  /** A filter that stopped lets the connection go on: with the next filter, and with what was held. */
  continueReading(use: NetworkFilterInUse): void {
    if (this.closed) return;
    this.walk(use.index + 1);
    readingForNobody();
  }

  /** Brings the numbers of bytes that its log knows up to date. */
  countBytes(): void {
    if (this.socket !== undefined) this.connection.stream.countBytes(this.socket);
  }

  /**
   * Closes the connection for a filter.
   * @param reason for DOWNSTREAM_LOCAL_CLOSE_REASON; some filters of Envoy's give none
   * @param details for CONNECTION_TERMINATION_DETAILS
   */
  close(reason = '', details = ''): void {
    if (this.closed) return;
    this.closed = true;
    const { connection, socket } = this;
    connection.closedByUs = true;
    connection.localCloseReason = reason;
    if (details !== '') connection.terminationDetails = details;
    this.held = EMPTY;
    if (socket === undefined) connection.abandon?.();
    else socket.destroy();
  }

  /** The connection is over. */
  end(): void {
    this.closed = true;
    this.held = EMPTY;
    for (let i = 0; i < this.begun; i++) this.filters[i].filter.end?.(this, this.filters[i]);
  }

  onRead(count: number, bytes: Buffer): void {
    if (this.closed) return;
    const read = count === bytes.length ? bytes : bytes.subarray(0, count);
    if (this.held.length > 0) this.held = Buffer.concat([this.held, read]);
    else {
      this.held = read;
      this.heldIsOurs = false;
    }
    this.walk(0);
    if (!this.heldIsOurs && this.held.length > 0) this.held = Buffer.from(this.held);
    this.heldIsOurs = true;
    if (!this.paused && this.held.length > this.connection.bufferLimit) {
      this.paused = true;
      this.socket?.pause();
    }
  }

  onEnd(): void {
    if (this.closed) return;
    if (!this.chainEnd.halfClose) {
      // The connection is over with the client's end, and filters hear of that.
      if (this.terminal === undefined) this.socket?.destroySoon();
      else this.terminal.onEnd();
      return;
    }
    this.ended = true;
    this.walk(0);
  }

  onDrain(): void {
    this.terminal?.onDrain();
  }

  onClose(): void {
    this.end();
    if (this.terminal !== undefined) this.terminal.onClose();
    else this.chainEnd.lost(this.connection, this.connection.closedByUs);
  }

  onError(error: NodeJS.ErrnoException): void {
    this.terminal?.onError?.(error);
  }

  private walk(first: number): void {
    // A filter that continues from within its callback goes on when that has returned.
    if (this.walking) return;
    this.walking = true;
    try {
      if (this.pass(first)) this.deliver();
    } finally {
      this.walking = false;
    }
  }

  /** @returns whether all filters let it pass */
  private pass(first: number): boolean {
    const { filters } = this;
    for (let i = first; i < filters.length; i++) {
      const use = filters[i];
      if (i >= this.begun) {
        this.begun = i + 1;
        if (use.filter.onNewConnection?.(this, use) === Stop || this.closed) return false;
      }
      if (this.held.length === 0 && !this.ended) continue;
      if (use.filter.onData?.(this, use, this.held, this.ended) === Stop || this.closed) return false;
    }
    this.passed = true;
    return true;
  }

  private deliver(): void {
    if (this.socket === undefined) return;
    if (this.terminal === undefined) this.open();
    const { terminal, held } = this;
    if (terminal === undefined) return;
    if (held.length > 0) {
      this.held = EMPTY;
      if (this.paused) {
        this.paused = false;
        this.socket.resume();
      }
      terminal.onRead(held.length, held);
    }
    if (this.ended && !this.endTold) {
      this.endTold = true;
      terminal.onEnd();
    }
  }

  private open(): void {
    if (this.socket !== undefined) this.terminal = this.chainEnd.accept(this.socket, this.connection);
  }
}
