/**
 * What a cluster counts of its answers: all of them, and again by who asked (internal or external), by canary hosts and by zones.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats#dynamic-http-statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { ResponseCodeStats } from '#proxy/observe/stats/response-code-stats.ts';
import type { Host } from '#proxy/upstream/host.ts';

export class AnswerCounts {
  private readonly scope: Scope;
  private readonly ownZone: string;
  private readonly all: ResponseCodeStats;
  private readonly external: ResponseCodeStats;
  private readonly internal: ResponseCodeStats;
  private readonly canary: ResponseCodeStats;
  private readonly retried: ResponseCodeStats;
  /** By the host's zone. */
  private readonly zones = new Map<string, ResponseCodeStats>();

  /** @param scope `cluster.<name>`, or below it what x-envoy-upstream-alt-stat-name says; @param ownZone this proxy's, or empty. */
  constructor(scope: Scope, ownZone: string) {
    this.scope = scope;
    this.ownZone = ownZone;
    this.all = new ResponseCodeStats(scope);
    this.external = new ResponseCodeStats(scope.scope('external'));
    this.internal = new ResponseCodeStats(scope.scope('internal'));
    this.canary = new ResponseCodeStats(scope.scope('canary'));
    this.retried = new ResponseCodeStats(scope.scope('retry'));
  }

  /**
   * @param host undefined where no host answered: the router did
   * @param canary the answer itself says that it comes from a canary (x-envoy-upstream-canary)
   * @param byCode among all answers it is counted by its code, too; the others below always are
   */
  count(status: number, internal: boolean, host: Host | undefined, canary: boolean, byCode = true): void {
    if (byCode) this.all.count(status);
    else this.all.countCompleted();
    (internal ? this.internal : this.external).count(status);
    if (canary || host?.canary) this.canary.count(status);
    if (host === undefined) return;
    if (this.ownZone !== '' && host.locality.zone !== '') this.zone(host.locality.zone).count(status);
  }

  /** An answer after which the request is tried again; it is counted nowhere else. */
  countRetried(status: number, byCode = true): void {
    if (byCode) this.retried.count(status);
    else this.retried.countCompleted();
  }

  /** @param milliseconds whole ones. */
  time(milliseconds: number, internal: boolean, host: Host | undefined, canary: boolean): void {
    this.all.time(milliseconds);
    (internal ? this.internal : this.external).time(milliseconds);
    if (canary || host?.canary) this.canary.time(milliseconds);
    if (host === undefined) return;
    if (this.ownZone !== '' && host.locality.zone !== '') this.zone(host.locality.zone).time(milliseconds);
  }

  private zone(name: string): ResponseCodeStats {
    let zone = this.zones.get(name);
    if (zone === undefined) {
      zone = new ResponseCodeStats(this.scope.scope(`zone.${this.ownZone}.${name}`));
      this.zones.set(name, zone);
    }
    return zone;
  }
}
