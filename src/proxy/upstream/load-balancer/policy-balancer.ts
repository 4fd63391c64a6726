/**
 * The part that all policies which choose one of a list share: which list, another try for retries, hosts chosen ahead.
 */
import type { Host } from '#proxy/upstream/host.ts';
import type { HostSource } from '#proxy/upstream/load-balancer/host-source.ts';
import { HostSources, type SourceOptions } from '#proxy/upstream/load-balancer/host-sources.ts';
import type { LoadBalancer, LoadBalancerContext } from '#proxy/upstream/load-balancer/load-balancer.ts';
import type { PrioritySet } from '#proxy/upstream/priority-set.ts';

/** How one host of a list is chosen. */
export interface Policy {
  /** Called when the source's hosts or their weights changed. */
  prepare(source: HostSource): void;
  /** The source has at least one host. */
  pick(source: HostSource): Host;
  /** The same for a request to come; undefined: that cannot be told before. Without it, as `pick` does. */
  peek?(source: HostSource): Host | undefined;
}

export class PolicyBalancer implements LoadBalancer {
  readonly asksRequest = false;
  private readonly members: PrioritySet;
  private readonly policy: Policy;
  private readonly sources: HostSources;
  private readonly stops: (() => void)[];
  /** Hosts of requests to come that were looked at already. */
  private ahead: Host[] = [];

  constructor(members: PrioritySet, policy: Policy, options: Omit<SourceOptions, 'prepare'>) {
    this.members = members;
    this.policy = policy;
    this.sources = new HostSources(members, { ...options, prepare: (source) => policy.prepare(source) });
    const refresh = () => {
      this.ahead = [];
      this.sources.refresh();
    };
    this.stops = [members.onChange(refresh)];
    if (options.localHosts !== undefined) this.stops.push(options.localHosts.onChange(refresh));
  }

  choose(context?: LoadBalancerContext): Host | undefined {
    if (context === undefined) {
      if (this.ahead.length > 0) return this.ahead.shift();
      const source = this.sources.only ?? this.sources.choose(undefined);
      return source === undefined || source.hosts.length === 0 ? undefined : this.policy.pick(source);
    }
    const { overrideHost } = context;
    if (overrideHost !== undefined) {
      const host = this.members.find(overrideHost.address);
      if (host !== undefined && host.health !== 'unhealthy') return host;
      if (overrideHost.strict) return undefined;
    }
    return this.chooseFor(context);
  }

  peekAnother(): Host | undefined {
    const healthy = this.members.hostSets.reduce((count, set) => count + set.healthy.length, 0);
    if (this.ahead.length >= healthy) return undefined;
    const source = this.sources.only ?? this.sources.choose(undefined);
    if (source === undefined || source.hosts.length === 0) return undefined;
    const { policy } = this;
    const host = policy.peek === undefined ? policy.pick(source) : policy.peek(source);
    if (host !== undefined) this.ahead.push(host);
    return host;
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private chooseFor(context: LoadBalancerContext): Host | undefined {
    let host: Host | undefined;
    for (let tries = 0; tries <= context.hostSelectionRetryCount; tries++) {
      const source = context.determinePriorityLoad === undefined ? this.sources.only : undefined;
      const chosen = source ?? this.sources.choose(context);
      host = chosen === undefined || chosen.hosts.length === 0 ? undefined : this.policy.pick(chosen);
      if (host === undefined || !context.shouldSelectAnotherHost?.(host)) return host;
    }
    return host;
  }
}
