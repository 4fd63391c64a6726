/**
 * One host by DNS: it is at the first address of the latest answer, and has the others for when that one cannot be reached.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#logical-dns
 */
import type { Address } from '#config/model/address.ts';
import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, DnsOptions, Endpoint } from '#config/model/cluster.ts';
import { type ClusterStats, clusterStats } from '#proxy/observe/stats/cluster-stats.ts';
import type { Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { RefreshRate } from '#proxy/upstream/discovery/refresh-rate.ts';
import type { DnsParts } from '#proxy/upstream/discovery/strict-dns.ts';
import { hostSetUpdate, hostUpdateOf } from '#proxy/upstream/host-set-update.ts';

type IpAddress = Address & { kind: 'ip' };

export class LogicalDns {
  private readonly config: ClusterConfig;
  private readonly options: DnsOptions;
  private readonly parts: DnsParts;
  private readonly stats: Pick<ClusterStats, 'updateAttempt' | 'updateSuccess' | 'updateFailure' | 'updateNoRebuild'>;
  private readonly rate: RefreshRate;
  private readonly endpoint: Endpoint;
  private readonly address: IpAddress;
  /** The host's addresses, as text. */
  private known = '';
  private ready = false;
  private cancel: () => void = () => {};

  constructor(config: ClusterConfig, options: DnsOptions, parts: DnsParts) {
    this.config = config;
    this.options = options;
    this.parts = parts;
    this.stats = clusterStats(parts.scope);
    this.rate = new RefreshRate(options, parts.random);
    const endpoint = config.loadAssignment?.endpoints[0]?.endpoints[0];
    if (endpoint?.address.kind !== 'ip') throw new Error(`cluster '${config.name}': LOGICAL_DNS needs one name`);
    this.endpoint = endpoint;
    this.address = endpoint.address;
    this.resolve();
    if (!config.waitForWarmOnInit) this.becomeReady();
  }

  stop(): void {
    this.cancel();
  }

  private resolve(): void {
    this.stats.updateAttempt.inc();
    this.cancel = this.parts.resolver.resolve(this.address.address, this.options.lookupFamily, (resolution) =>
      this.onResolved(resolution),
    );
  }

  /** No addresses are a failure here: the host stays where it was. */
  private onResolved({ status, addresses }: Resolution): void {
    let delay: number;
    if (status === 'completed' && addresses.length > 0) {
      this.stats.updateSuccess.inc();
      this.take(addresses.map(({ address }) => ({ ...this.address, address })));
      delay = this.rate.afterSuccess(addresses[0].ttl);
    } else {
      this.stats.updateFailure.inc();
      delay = this.rate.afterFailure();
    }
    this.cancel = this.parts.schedule(delay, () => this.resolve());
    this.becomeReady();
  }

  /** A change of any address makes another host, as in Envoy since 1.35: connections of the old one end with their requests. */
  private take([address, ...additionalAddresses]: IpAddress[]): void {
    const key = [address, ...additionalAddresses].map(addressText).join();
    const host = {
      ...hostUpdateOf(this.endpoint),
      key,
      address,
      additionalAddresses,
      hostname: this.endpoint.hostname || this.address.address,
    };
    this.parts.onAnswer?.([host]);
    if (key === this.known) {
      this.stats.updateNoRebuild.inc();
      return;
    }
    this.known = key;
    this.parts.onUpdate(hostSetUpdate(this.config.name, this.config.loadAssignment, () => [host]));
  }

  private becomeReady(): void {
    if (this.ready) return;
    this.ready = true;
    this.parts.onReady();
  }
}
