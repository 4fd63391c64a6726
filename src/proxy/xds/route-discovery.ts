/**
 * RDS: route tables from a management server. Connection managers that name the same table share it; it is fetched while one of them is
 * there.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
import { logger } from '#base/logger.ts';
import { RouteTableLoader } from '#config/load-route-table.ts';
import { type ConfigSource, sourceKey } from '#config/model/config-source.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import type { VirtualHost as VirtualHostMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '#envoy/config/route/v3/route_pb.js';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { RouteTableUpdate, ToWorker } from '#proxy/worker-messages.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import { type FedRoutes, InlineTable } from '#proxy/xds/inline-table.ts';
import { type HostChange, MergedHosts } from '#proxy/xds/merged-hosts.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';
import { VirtualHostDiscovery, type VirtualHostTable } from '#proxy/xds/virtual-host-discovery.ts';

const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

export type RdsRoutes = Extract<HttpConnectionManager['routes'], { kind: 'rds' }>;

export class RouteDiscovery {
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly tables = new Map<string, DiscoveredTable>();
  private readonly inline = new Map<string, InlineTable>();

  /** @param tell tells all workers */
  constructor(context: DiscoveryContext, tell: (message: ToWorker) => void) {
    this.context = context;
    this.tell = tell;
  }

  /**
   * Fetches the table of a connection manager, unless it is there.
   * @param init waits for it
   * @returns how to let go of it
   */
  hold(routes: RdsRoutes, statPrefix: string, init: InitManager): () => void {
    let table = this.tables.get(routes.key);
    if (table === undefined) {
      table = new DiscoveredTable(routes, `http.${statPrefix}.rds`, this.context, this.tell);
      this.tables.set(routes.key, table);
      table.start();
    }
    table.holders++;
    table.whenSettled(init.add(`shared target RdsRouteConfigSubscription RDS init ${routes.routeConfigName}`));
    const held = table;
    return () => {
      if (--held.holders > 0) return;
      held.stop();
      this.tables.delete(routes.key);
      this.tell({ kind: 'routes_gone', key: routes.key });
    };
  }

  /** Fetches virtual hosts for a table that stands in its listener. @param init waits for the first. @returns how to let go of it */
  holdInline(routes: FedRoutes, init: InitManager): () => void {
    const { key } = routes;
    let table = this.inline.get(key);
    if (table === undefined) {
      table = new InlineTable(routes, this.context, this.tell);
      this.inline.set(key, table);
      table.vhds.start();
    }
    table.holders++;
    table.vhds.whenSettled(init.add(`target StaticRouteConfigProvider local-init-target ${table.name}`));
    const held = table;
    return () => {
      if (--held.holders > 0) return;
      this.inline.delete(key);
      held.vhds.stop();
      this.tell({ kind: 'routes_gone', key });
    };
  }

  /** What was fetched for the table of this name that stands in a listener, as the admin API shows it. */
  inlineHosts(name: string): VirtualHostMessage[] {
    return [...this.inline.values()].find((table) => table.name === name)?.vhds.messages() ?? [];
  }

  /** The table as plain data; undefined where it is not known yet. */
  table(key: string): RouteTable | undefined {
    return (this.tables.get(key) ?? this.inline.get(key))?.table;
  }

  /** A request has no virtual host: is there one? Workers are told when it is known. @param host in lower case */
  demand(key: string, host: string): void {
    const table = this.tables.get(key) ?? this.inline.get(key);
    if (table === undefined) this.tell({ kind: 'route_answer', question: { kind: 'virtual_host', key, name: host } });
    else table.demand(host);
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.tables.values()].flatMap((table) => table.resource() ?? []);
  }
}

class DiscoveredTable implements SubscriptionOwner, VirtualHostTable {
  holders = 0;
  /** With the virtual hosts that VHDS brought. */
  table: RouteTable | undefined = undefined;
  readonly name: string;
  private readonly routes: RdsRoutes;
  private readonly scope: string;
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly loader = new RouteTableLoader();
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly reloadTime;
  private readonly updateEmpty;
  private given: Given | undefined = undefined;
  /** The table as it was given. */
  private own: RouteTable | undefined = undefined;
  private vhds: VirtualHostDiscovery | undefined = undefined;
  /** What VHDS brought; undefined: it has to be asked. */
  private known: VirtualHost[] | undefined = undefined;
  /** All virtual hosts of `table`; undefined until one of them changes. */
  private merged: MergedHosts | undefined = undefined;
  /** Of the last update, be it of the table or of its virtual hosts. */
  private version = '';
  private lastUpdated = 0;
  private error: UpdateError | undefined = undefined;
  /** The first answer came, or does not come. */
  private settled = false;
  private waiting: (() => void)[] = [];

  /** @param scope `http.<stat_prefix>.rds` */
  constructor(routes: RdsRoutes, scope: string, context: DiscoveryContext, tell: (message: ToWorker) => void) {
    this.routes = routes;
    this.name = routes.routeConfigName;
    this.scope = scope;
    this.context = context;
    this.tell = tell;
    const own = context.root.scope(`${scope}.${this.name}`);
    this.reloads = own.counter('config_reload');
    this.reloadTime = own.gauge('config_reload_time_ms');
    this.updateEmpty = own.counter('update_empty');
    this.subscription = context.subscribe({ source: routes.source, typeName: ROUTES, owner: this, scope: own });
  }

  start(): void {
    this.subscription.start(new Set([this.name]));
  }

  stop(): void {
    this.subscription.stop();
    this.vhds?.stop();
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  onUpdate({ resources, removed, version }: DiscoveryUpdate): void {
    const { name } = this;
    const [resource] = resources;
    if (resource === undefined) {
      if (removed.length === 0) this.updateEmpty.inc();
      else logger('router').warning(`rds: '${name}' is not removed while a listener names it`);
      return this.settle();
    }
    try {
      if (resource.name !== name) {
        throw new Error(`Unexpected RDS configuration (expecting ${name}): ${resource.name}`);
      }
      this.take(resource);
    } catch (error) {
      this.onRefused((error as Error).message, version);
      throw error;
    }
    this.error = undefined;
    if (this.vhds === undefined) this.settle();
    else this.vhds.whenSettled(() => this.settle());
  }

  private take(resource: GivenResource): void {
    if (sameAs(this.given, resource)) return;
    const { context, loader } = this;
    const given = givenNow(resource);
    const { table, hosts } = loader.load(given.bytes, context.readContext(), context.unknownFields, this.fetched);
    this.given = given;
    const former = this.own;
    this.own = table;
    const alone = this.fetched.length === 0;
    this.follow(former?.vhds, table.vhds);
    if (hosts === undefined) this.publish(table, given.versionInfo, true);
    else this.publish(table, given.versionInfo, false, alone ? hosts : undefined);
  }

  /** Virtual hosts are fetched from somewhere else than before, or no more. */
  private follow(former: ConfigSource | undefined, source: ConfigSource | undefined): void {
    if ((former && sourceKey(former)) === (source && sourceKey(source))) return;
    this.vhds?.stop();
    this.vhds = undefined;
    this.known = undefined;
    if (source === undefined) return;
    const scope = this.context.root.scope(`${this.scope}.vhds.${this.name}`);
    this.vhds = new VirtualHostDiscovery(this, source, scope, this.context);
    this.vhds.start();
  }

  /**
   * @param anew the table is another but for its virtual hosts
   * @param hosts where they are known already: which are new, and where others stood
   */
  private publish(own: RouteTable, version: string, anew: boolean, hosts?: (number | VirtualHost)[]): void {
    const { fetched, table: former } = this;
    this.merged = undefined;
    const table = fetched.length === 0 ? own : { ...own, virtualHosts: [...own.virtualHosts, ...fetched] };
    const update: RouteTableUpdate =
      anew || former === undefined
        ? { kind: 'table', table }
        : { kind: 'hosts', hosts: hosts ?? placesIn(former.virtualHosts, table.virtualHosts) };
    this.send(table, update, version);
  }

  private send(table: RouteTable, update: RouteTableUpdate, version: string): void {
    this.table = table;
    this.version = version;
    this.lastUpdated = Date.now();
    this.tell({ kind: 'routes', key: this.routes.key, update });
    this.reloads.inc();
    this.reloadTime.set(this.lastUpdated);
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  demand(host: string): void {
    if (this.vhds === undefined) this.onAnswer(host);
    else this.vhds.demand(host);
  }

  /* Of VHDS. */

  read(bytes: Uint8Array): VirtualHost {
    return this.loader.loadHost(bytes, this.context.readContext(), this.context.unknownFields);
  }

  use(hosts: VirtualHost[], version: string): void {
    this.loader.checkBeside(hosts);
    this.known = hosts;
    if (this.own !== undefined) this.publish(this.own, version, false);
  }

  change(changes: HostChange[], version: string): void {
    const { table } = this;
    if (table === undefined) return;
    this.merged ??= new MergedHosts(table.virtualHosts);
    const placed = this.merged.put(changes);
    if (placed === undefined) {
      const leaving = new Set(changes.map(({ former }) => former));
      const staying = this.fetched.filter((host) => !leaving.has(host));
      return this.use([...staying, ...changes.map(({ host }) => host)], version);
    }
    this.known = undefined;
    this.send({ ...table, virtualHosts: this.merged.list }, { kind: 'changes', changes: placed }, version);
  }

  private get fetched(): VirtualHost[] {
    this.known ??= this.vhds?.hosts() ?? [];
    return this.known;
  }

  onAnswer(host: string): void {
    this.tell({ kind: 'route_answer', question: { kind: 'virtual_host', key: this.routes.key, name: host } });
  }

  onRefused(details: string | undefined, versionInfo: string): void {
    this.error = details === undefined ? undefined : { lastUpdateAttempt: Date.now(), details, versionInfo };
  }

  resource(): ConfigResource | undefined {
    const { given, error, name, version: versionInfo, lastUpdated } = this;
    const shown = given && { ...configResource(name, given, 'active'), versionInfo, lastUpdated };
    const message = shown?.message as RouteConfiguration | undefined;
    message?.virtualHosts.push(...(this.vhds?.messages() ?? []));
    return error === undefined ? shown : { name, state: 'active', ...shown, error };
  }
}

/** @returns for each of the hosts, where it stood before; those that are new as they are */
function placesIn(former: readonly VirtualHost[], hosts: readonly VirtualHost[]): (number | VirtualHost)[] {
  const places = new Map(former.map((host, i) => [host, i]));
  return hosts.map((host) => places.get(host) ?? host);
}
