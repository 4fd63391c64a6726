/**
 * One connection's share of the gauges of bytes that are held: `cx_rx_bytes_buffered` and `cx_tx_bytes_buffered`. As in Envoy, what was
 * read counts as held until the next read, whatever became of it; what is to be sent counts from a write that the kernel did not take.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/stats
 */
import type { Gauge } from '#proxy/observe/stats/metrics.ts';

export class BufferedBytes {
  private readonly rx: Gauge;
  private readonly tx: Gauge;
  private received = 0;
  private unsent = 0;
  private closed = false;

  constructor(rx: Gauge, tx: Gauge) {
    this.rx = rx;
    this.tx = tx;
  }

  /** So many bytes were there to read. */
  onRead(bytes: number): void {
    if (bytes === this.received || this.closed) return;
    this.rx.add(bytes - this.received);
    this.received = bytes;
  }

  /** So many bytes are left after a write. */
  onWrite(bytes: number): void {
    if (bytes === this.unsent || this.closed) return;
    this.tx.add(bytes - this.unsent);
    this.unsent = bytes;
  }

  /** The connection is gone: it holds nothing, whatever is told of it later. */
  close(): void {
    this.onRead(0);
    this.onWrite(0);
    this.closed = true;
  }
}
