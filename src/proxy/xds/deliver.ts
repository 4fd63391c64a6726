/**
 * An update on its way to who wants it: timed, counted, and what is wrong with it told back.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/mgmt_server#xds-subscription-statistics
 */
import type { DiscoveryUpdate, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import type { SubscriptionStats } from '#proxy/xds/subscription-stats.ts';

/** @returns why the update, or a part of it, was refused; undefined: it was not */
export async function deliver(
  update: DiscoveryUpdate,
  owner: SubscriptionOwner,
  stats: SubscriptionStats,
): Promise<string | undefined> {
  const begun = performance.now();
  try {
    await owner.onUpdate(update);
    stats.succeeded(update.version, Date.now(), Math.round(performance.now() - begun));
    return undefined;
  } catch (error) {
    stats.rejected.inc();
    owner.onFailure('rejected');
    return (error as Error).message;
  }
}
