/**
 * Retries leave out the priorities where attempts were made before, and share the load among those that are left; when none is left, all are
 * there again. One object for each request that is tried again.
 * Follows envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#retry-plugin-configuration
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSet } from '#proxy/upstream/host-set.ts';
import type { PriorityLoad } from '#proxy/upstream/load-balancer/load-balancer.ts';
import { availability } from '#proxy/upstream/load-balancer/priority-load.ts';

export class PreviousPriorities {
  private readonly updateFrequency: number;
  private excluded = new Set<number>();
  private load: PriorityLoad | undefined = undefined;
  /** So many of the hosts that were tried do not count any more. */
  private forgotten = 0;

  /** @param updateFrequency after how many attempts, each time, the shares are made anew */
  constructor(updateFrequency: number) {
    this.updateFrequency = updateFrequency;
  }

  /** @param tried the hosts of all attempts so far */
  determine(sets: readonly HostSet[], original: PriorityLoad, tried: readonly Host[]): PriorityLoad {
    const attempted = tried.slice(this.forgotten);
    if (attempted.length < this.updateFrequency) return original;
    if (attempted.length % this.updateFrequency === 0) {
      for (const host of attempted) this.excluded.add(sets.findIndex(({ hosts }) => hosts.includes(host)));
      this.load = this.share(sets, tried.length);
    }
    return this.load ?? original;
  }

  /** @returns undefined where nobody is there at all */
  private share(sets: readonly HostSet[], tried: number): PriorityLoad | undefined {
    const healthy = sets.map((set) => availability(set, set.healthy));
    const degraded = sets.map((set) => availability(set, set.degraded));
    const left = (shares: readonly number[]) => shares.map((share, i) => (this.excluded.has(i) ? 0 : share));
    let shares = [left(healthy), left(degraded)];
    if (total(shares) === 0) {
      this.excluded = new Set();
      this.forgotten = tried;
      shares = [healthy, degraded];
    }
    const available = Math.min(100, total(shares));
    if (available === 0) return undefined;
    const load = shares.map((each) => each.map(() => 0));
    // Again for what rounding left over.
    for (let rest = 100; rest > 0; ) {
      for (const [kind, each] of shares.entries())
        for (const [i, share] of each.entries()) {
          const given = Math.min(rest, Math.floor((share * 100) / available));
          load[kind][i] += given;
          rest -= given;
        }
    }
    return { healthy: load[0], degraded: load[1] };
  }
}

function total(shares: readonly (readonly number[])[]): number {
  return shares.flat().reduce((sum, share) => sum + share, 0);
}
