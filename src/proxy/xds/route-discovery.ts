/**
 * RDS: route tables from a management server. Connection managers that name the same table share it; it is fetched while one of them is
 * there.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/rds
 */
import { logger } from '#base/logger.ts';
import { RouteTableLoader } from '#config/load-route-table.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteTable } from '#config/model/route.ts';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import type { DiscoveryContext } from '#proxy/xds/discovery-context.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

export type RdsRoutes = Extract<HttpConnectionManager['routes'], { kind: 'rds' }>;

export class RouteDiscovery {
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly tables = new Map<string, DiscoveredTable>();

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
      const scope = this.context.root.scope(`http.${statPrefix}.rds.${routes.routeConfigName}`);
      table = new DiscoveredTable(routes, scope, this.context, this.tell);
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

  /** The table as plain data; undefined where it is not known yet. */
  table(key: string): RouteTable | undefined {
    return this.tables.get(key)?.table;
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.tables.values()].flatMap((table) => table.resource() ?? []);
  }
}

class DiscoveredTable implements SubscriptionOwner {
  holders = 0;
  table: RouteTable | undefined = undefined;
  private readonly routes: RdsRoutes;
  private readonly context: DiscoveryContext;
  private readonly tell: (message: ToWorker) => void;
  private readonly loader = new RouteTableLoader();
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly reloadTime;
  private readonly updateEmpty;
  private given: Given | undefined = undefined;
  private error: UpdateError | undefined = undefined;
  /** The first answer came, or does not come. */
  private settled = false;
  private waiting: (() => void)[] = [];

  constructor(routes: RdsRoutes, scope: Scope, context: DiscoveryContext, tell: (message: ToWorker) => void) {
    this.routes = routes;
    this.context = context;
    this.tell = tell;
    this.reloads = scope.counter('config_reload');
    this.reloadTime = scope.gauge('config_reload_time_ms');
    this.updateEmpty = scope.counter('update_empty');
    this.subscription = context.subscribe({ source: routes.source, typeName: ROUTES, owner: this, scope });
  }

  start(): void {
    this.subscription.start(new Set([this.routes.routeConfigName]));
  }

  stop(): void {
    this.subscription.stop();
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  onUpdate({ resources, removed, version }: DiscoveryUpdate): void {
    const { routeConfigName } = this.routes;
    const [resource] = resources;
    if (resource === undefined) {
      if (removed.length === 0) this.updateEmpty.inc();
      else logger('router').warning(`rds: '${routeConfigName}' is not removed while a listener names it`);
      return this.settle();
    }
    try {
      if (resource.name !== routeConfigName) {
        throw new Error(`Unexpected RDS configuration (expecting ${routeConfigName}): ${resource.name}`);
      }
      this.take(resource);
      this.error = undefined;
    } catch (error) {
      this.error = { lastUpdateAttempt: Date.now(), details: (error as Error).message, versionInfo: version };
      throw error;
    }
    this.settle();
  }

  private take(resource: GivenResource): void {
    if (sameAs(this.given, resource)) return;
    const { context, tell } = this;
    const { key } = this.routes;
    const given = givenNow(resource);
    const { table, hosts } = this.loader.load(given.bytes, context.readContext(), context.unknownFields);
    this.given = given;
    this.table = table;
    tell({ kind: 'routes', key, update: hosts === undefined ? { kind: 'table', table } : { kind: 'hosts', hosts } });
    this.reloads.inc();
    this.reloadTime.set(Date.now());
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  resource(): ConfigResource | undefined {
    const { given, error, routes } = this;
    const shown = given && configResource(routes.routeConfigName, given, 'active');
    if (error === undefined) return shown;
    return { name: routes.routeConfigName, state: 'active', ...shown, error };
  }
}
