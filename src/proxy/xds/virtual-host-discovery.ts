/**
 * VHDS: virtual hosts that come beside those of their table, some of them only when a request asks for them. They are named
 * `<table>/<anything>`; a request asks by the alias `<table>/<its host>`.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
import { ResourceError } from '#config/load-resource.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { VirtualHost } from '#config/model/route.ts';
import type { VirtualHost as VirtualHostMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import type { HostChange } from '#proxy/xds/merged-hosts.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const VIRTUAL_HOST = 'envoy.config.route.v3.VirtualHost';
/** So many hosts that nobody has are remembered, and followed at the server: clients can make up names without end. */
const ABSENT_LIMIT = 10_000;

/** The table that the virtual hosts stand in. */
export interface VirtualHostTable {
  readonly name: string;
  /** @throws ResourceError */
  read(bytes: Uint8Array): VirtualHost;
  /** Takes these over in place of those before. @throws ResourceError where they cannot stand beside its own; those before stay */
  use(hosts: VirtualHost[], version: string): void;
  /** The same where none goes without another in its place. */
  change(changes: HostChange[], version: string): void;
  /** What becomes of a host that was asked for is known. */
  onAnswer(host: string): void;
  /** The last update was refused; undefined: it was not. */
  onRefused(details: string | undefined, version: string): void;
}

function configsOf(known: ReadonlyMap<string, KnownHost>): VirtualHost[] {
  return [...known.values()].map(({ config }) => config);
}

interface KnownHost {
  resource: string;
  given: Given;
  config: VirtualHost;
}

export class VirtualHostDiscovery implements SubscriptionOwner {
  private readonly table: VirtualHostTable;
  private readonly subscription: Subscription;
  private readonly reloads;
  /** By the name of the virtual host. */
  private known = new Map<string, KnownHost>();
  /** What requests asked for, as far as the server is asked too. */
  private readonly asked = new Set<string>();
  private readonly unanswered = new Set<string>();
  /** Of what was asked for, what is not there as far as is known. */
  private readonly without = new Set<string>();
  private settled = false;
  private waiting: (() => void)[] = [];

  /** @param scope `http.<stat_prefix>.rds.vhds.<table>` */
  constructor(table: VirtualHostTable, source: ConfigSource, scope: Scope, context: DiscoveryContext) {
    this.table = table;
    this.reloads = scope.counter('config_reload');
    scope.counter('update_empty');
    const { name: namespace } = table;
    this.subscription = context.subscribe({ source, typeName: VIRTUAL_HOST, owner: this, scope, namespace });
  }

  start(): void {
    this.subscription.start();
  }

  /** Whoever waits waits no more. */
  stop(): void {
    this.subscription.stop();
    this.settle();
    const unanswered = [...this.unanswered];
    this.unanswered.clear();
    this.asked.clear();
    this.without.clear();
    for (const host of unanswered) this.table.onAnswer(host);
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  /** A request has no virtual host: the server is asked, unless it was before. @param host in lower case */
  demand(host: string): void {
    if (this.asked.has(host)) {
      if (!this.unanswered.has(host)) this.table.onAnswer(host);
      return;
    }
    this.asked.add(host);
    this.unanswered.add(host);
    this.without.add(host);
    const alias = (one: string) => `${this.table.name}/${one}`;
    this.subscription.change([alias(host)], this.forgetOldest().map(alias));
  }

  /** @returns the hosts that are forgotten */
  private forgetOldest(): string[] {
    const forgotten: string[] = [];
    for (const host of this.without) {
      if (this.without.size <= ABSENT_LIMIT) break;
      this.without.delete(host);
      this.asked.delete(host);
      if (this.unanswered.delete(host)) this.table.onAnswer(host);
      forgotten.push(host);
    }
    return forgotten;
  }

  onUpdate(update: DiscoveryUpdate): void {
    try {
      this.take(update);
    } catch (error) {
      this.table.onRefused((error as Error).message, update.version);
      throw error;
    }
    this.table.onRefused(undefined, update.version);
    this.settle();
  }

  private take({ resources, removed, absent = [], version }: DiscoveryUpdate): void {
    const given = this.readAll(resources);
    const leaving =
      removed.length === 0
        ? []
        : [...this.known].filter(([name, { resource }]) => removed.includes(resource) || removed.includes(name));
    if (leaving.length > 0) {
      const next = new Map(this.known);
      for (const [name] of leaving) next.delete(name);
      for (const host of given) next.set(host.config.name, host);
      this.table.use(configsOf(next), version);
      this.known = next;
    } else if (given.length > 0 || absent.length > 0) {
      const changes = given.map(({ config }) => ({ former: this.known.get(config.name)?.config, host: config }));
      this.table.change(changes, version);
      for (const host of given) this.known.set(host.config.name, host);
    }
    if (leaving.length + given.length + absent.length > 0) this.reloads.inc();
    for (const { name, aliases = [] } of resources) for (const one of [name, ...aliases]) this.answer(one, true);
    for (const name of [...absent, ...removed]) this.answer(name, false);
  }

  /** @throws Error that names each that cannot be used */
  private readAll(resources: readonly GivenResource[]): KnownHost[] {
    const errors: string[] = [];
    const read = resources.flatMap((resource): KnownHost[] => {
      try {
        const { name, any } = resource;
        const former = this.known.get(name);
        if (former !== undefined && sameAs(former.given, resource)) return [former];
        return [{ resource: name, given: givenNow(resource), config: this.table.read(any.value) }];
      } catch (error) {
        if (!(error instanceof ResourceError)) throw error;
        errors.push(`${resource.name}: ${error.message}`);
        return [];
      }
    });
    if (errors.length > 0) throw new Error(errors.join(', '));
    return read;
  }

  /** @param name of a resource, or an alias. @param there there is such a virtual host */
  private answer(name: string, there: boolean): void {
    const host = name.slice(this.table.name.length + 1);
    if (!this.asked.has(host)) return;
    if (there) this.without.delete(host);
    else this.without.add(host);
    if (this.unanswered.delete(host)) this.table.onAnswer(host);
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  hosts(): VirtualHost[] {
    return configsOf(this.known);
  }

  /** As the admin API shows them: in the order of their names. */
  messages(): VirtualHostMessage[] {
    const inOrder = [...this.known].sort(([a], [b]) => (a < b ? -1 : 1));
    return inOrder.flatMap(
      ([name, { given }]) => (configResource(name, given, 'active').message as VirtualHostMessage) ?? [],
    );
  }
}
