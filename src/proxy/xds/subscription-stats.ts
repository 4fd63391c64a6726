/**
 * What a subscription counts.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/mgmt_server#xds-subscription-statistics
 */
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { xxHash64 } from '#proxy/xds/xx-hash.ts';

export class SubscriptionStats {
  readonly attempt;
  readonly success;
  readonly failure;
  readonly rejected;
  readonly fetchTimeout;
  private readonly time;
  private readonly version;
  private readonly versionText;
  private readonly duration;

  /** @param scope of who wants the resources: `cluster_manager.cds`, `cluster.<name>` */
  constructor(scope: Scope) {
    this.attempt = scope.counter('update_attempt');
    this.success = scope.counter('update_success');
    this.failure = scope.counter('update_failure');
    this.rejected = scope.counter('update_rejected');
    this.fetchTimeout = scope.counter('init_fetch_timeout');
    this.time = scope.gauge('update_time');
    this.version = scope.gauge('version');
    this.versionText = scope.textReadout('version_text');
    this.duration = scope.histogram('update_duration', 'Milliseconds');
  }

  /** @param now milliseconds since the epoch; @param took milliseconds */
  succeeded(version: string, now: number, took: number): void {
    this.success.inc();
    this.time.set(now);
    this.version.set(Number(xxHash64(version)));
    this.versionText.set(version);
    this.duration.record(took);
  }
}
