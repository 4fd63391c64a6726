/**
 * Members of an ORIGINAL_DST cluster on the main thread: workers find them as requests ask for them; those that nobody has connections to go.
 * Follows config.cluster.v3.Cluster.cleanup_interval.
 */
import type { Schedule } from '#base/timers.ts';
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import type { Discovery, DiscoveryParts } from '#proxy/upstream/discovery/discover.ts';
import { type HostUpdate, oneLocality } from '#proxy/upstream/host-set-update.ts';

interface Member {
  host: HostUpdate;
  /** It came since the last cleaning. */
  fresh: boolean;
}

export class OriginalDstDiscovery implements Discovery {
  private readonly config: ClusterConfig;
  private readonly parts: DiscoveryParts;
  private readonly schedule: Schedule;
  private readonly interval: number;
  private readonly members = new Map<string, Member>();
  private cancel: () => void = () => {};

  constructor(config: ClusterConfig, cleanupInterval: number, parts: DiscoveryParts & { schedule: Schedule }) {
    this.config = config;
    this.parts = parts;
    this.schedule = parts.schedule;
    this.interval = cleanupInterval;
    this.tell();
    parts.onReady();
    this.arm();
  }

  found(host: HostUpdate): void {
    const key = addressText(host.address);
    const known = this.members.get(key);
    if (known === undefined) this.members.set(key, { host, fresh: true });
    else known.fresh = true;
    this.tell();
  }

  stop(): void {
    this.cancel();
  }

  private arm(): void {
    this.cancel = this.schedule(this.interval, () => {
      this.clean();
      this.arm();
    });
  }

  private clean(): void {
    const before = this.members.size;
    for (const [key, member] of this.members) {
      if (!member.fresh && !this.parts.isUsed?.(key)) this.members.delete(key);
      member.fresh = false;
    }
    if (this.members.size < before) this.tell();
  }

  private tell(): void {
    const hosts = [...this.members.values()].map(({ host }) => host);
    this.parts.onUpdate(oneLocality(this.config.name, hosts));
  }
}
