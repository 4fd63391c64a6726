/**
 * Resources that are gone unless they are given again in time.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-ttl
 */
import type { Schedule } from '#base/timers.ts';
import type { GivenResource } from '#proxy/xds/subscription.ts';

export class ResourceLifetimes {
  private readonly schedule: Schedule;
  private readonly onExpired: (name: string) => void;
  private readonly timers = new Map<string, () => void>();

  constructor(schedule: Schedule, onExpired: (name: string) => void) {
    this.schedule = schedule;
    this.onExpired = onExpired;
  }

  /** A resource was given, or its heartbeat. */
  renew({ name, ttl }: GivenResource): void {
    this.end(name);
    if (ttl === undefined) return;
    const cancel = this.schedule(ttl, () => {
      this.timers.delete(name);
      this.onExpired(name);
    });
    this.timers.set(name, cancel);
  }

  /** The resource is gone already. */
  end(name: string): void {
    this.timers.get(name)?.();
    this.timers.delete(name);
  }
}
