/**
 * Answers of an upstream by status code: `upstream_rq_completed`, `upstream_rq_<class>xx`, `upstream_rq_<code>` and
 * `upstream_rq_time`, each made when it is first written.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#dynamic-http-statistics
 */
import type { Counter, Histogram, Scope } from '#proxy/observe/stats/metrics.ts';

export class ResponseCodeStats {
  readonly #scope: Scope;
  #completed: Counter | undefined;
  readonly #classes: (Counter | undefined)[] = [];
  /** From 100 up, filled as codes are seen. */
  readonly #codes: (Counter | undefined)[] = [];
  #time: Histogram | undefined;

  /**
   * @param scope `cluster.<name>`, below it `external` or `internal` (who asked), `canary` (the host is one),
   * `zone.<from>.<to>` (both zones are known), or a virtual cluster's or route's.
   */
  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** An answer, whatever its code. */
  countCompleted(): void {
    this.#completed ??= this.#scope.counter('upstream_rq_completed');
    this.#completed.inc();
  }

  count(code: number): void {
    this.countCompleted();
    const digit = (code / 100) | 0;
    let ofClass = this.#classes[digit];
    if (ofClass === undefined) ofClass = this.#openClass(digit);
    ofClass.inc();
    if (code > 599) {
      // Envoy counts it once for the class and once for the code.
      ofClass.inc();
      return;
    }
    let ofCode = this.#codes[code - 100];
    if (ofCode === undefined) ofCode = this.#openCode(code);
    ofCode.inc();
  }

  /** @param milliseconds from the request's last byte to the response's end. */
  time(milliseconds: number): void {
    this.#time ??= this.#scope.histogram('upstream_rq_time', 'Milliseconds');
    this.#time.record(milliseconds);
  }

  #openClass(digit: number): Counter {
    const known = digit >= 1 && digit <= 5;
    const counter = this.#scope.counter(known ? `upstream_rq_${digit}xx` : 'upstream_rq_unknown');
    while (this.#classes.length <= digit) this.#classes.push(undefined);
    this.#classes[digit] = counter;
    return counter;
  }

  #openCode(code: number): Counter {
    const counter = this.#scope.counter(`upstream_rq_${code}`);
    while (this.#codes.length <= code - 100) this.#codes.push(undefined);
    this.#codes[code - 100] = counter;
    return counter;
  }
}
