/** Discovery of one cluster in a test's hands: its answers, its time, and what it told. */
import type { Random } from '#base/random.ts';
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, DnsOptions, LocalityEndpoints } from '#config/model/cluster.ts';
import { type Discovery, discover } from '#proxy/upstream/discovery/discover.ts';
import type { HostSetUpdate, HostUpdate } from '#proxy/upstream/host-set-update.ts';
import { clusterConfig } from '#testing/cluster-samples.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { FakeResolver } from '#testing/fake-resolver.ts';
import { PlainScope } from '#testing/plain-scope.ts';

/** DNS with Envoy's defaults, but for what the test says. */
export function dnsOptions(changes: Partial<DnsOptions> = {}): DnsOptions {
  return {
    refreshRate: 5000,
    failureRefreshRate: { baseInterval: 5000, maxInterval: 5000, fixed: true },
    respectTtl: false,
    jitter: 0,
    lookupFamily: 'AUTO',
    resolvers: [],
    useTcp: false,
    noDefaultSearchDomain: false,
    ...changes,
  };
}

export class DiscoveryTrial {
  readonly resolver = new FakeResolver();
  readonly clock = new FakeClock();
  readonly updates: HostSetUpdate[] = [];
  readonly discovery: Discovery;
  ready = 0;
  private readonly root = new PlainScope();

  constructor(
    discovery: ClusterConfig['discovery'],
    endpoints: LocalityEndpoints[],
    changes: Partial<ClusterConfig> = {},
    random: Random = { uint32: () => 0, uuid: () => '' },
  ) {
    const loadAssignment = {
      clusterName: 'one',
      endpoints,
      overprovisioningFactor: 140,
      weightedPriorityHealth: false,
      dropOverloads: [],
    };
    this.discovery = discover(clusterConfig({ discovery, loadAssignment, ...changes }), {
      scope: this.root.scope('cluster.one'),
      root: this.root,
      onUpdate: (update) => this.updates.push(update),
      onReady: () => this.ready++,
      resolver: this.resolver,
      schedule: this.clock.schedule,
      random,
    });
  }

  /** Members by the latest update: addresses of each priority. */
  members(): string[][] {
    return (this.updates.at(-1)?.priorities ?? []).map(({ localities }) =>
      localities.flatMap(({ hosts }) => hosts.map(({ address }) => addressText(address))),
    );
  }

  hosts(): HostUpdate[] {
    return (this.updates.at(-1)?.priorities ?? []).flatMap(({ localities }) =>
      localities.flatMap(({ hosts }) => hosts),
    );
  }

  /** Names that are being resolved. */
  asked(): string[] {
    return this.resolver.open.map(({ name }) => name);
  }

  stat(name: string): number {
    return this.root.value(`cluster.one.${name}`) ?? 0;
  }
}
