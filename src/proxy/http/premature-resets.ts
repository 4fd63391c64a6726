/**
 * Clients that open streams only to reset them: when half of a connection's streams end that way, it is closed.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/runtime (overload.premature_reset_*).
 */
import type { RuntimeView } from '#selection/runtime-view.ts';

const TOTAL = 'overload.premature_reset_total_stream_count';
const LIFETIME = 'overload.premature_reset_min_stream_lifetime_seconds';

export class PrematureResets {
  private ended = 0;
  private premature = 0;

  /**
   * A stream ended.
   * @param seconds how long it lived; @param answered its response had begun, or it was not reset
   * @returns whether the connection is to be closed
   */
  add(seconds: number, answered: boolean, runtime: RuntimeView): boolean {
    this.ended++;
    if (!answered && Math.floor(seconds) <= runtime.integer(LIFETIME, 1)) this.premature++;
    if (this.premature === 0) return false;
    const limit = runtime.integer(TOTAL, 500);
    return this.premature * 2 >= Math.max(this.ended, limit);
  }
}
