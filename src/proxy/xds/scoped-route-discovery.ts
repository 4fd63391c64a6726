/**
 * SRDS: scopes of route tables from a management server, and the tables that they name. Connection managers that ask for the same scopes
 * share them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/scoped_routes
 */
import { ResourceError } from '#config/load-resource.ts';
import type { ScopedRoute, ScopedRoutes } from '#config/model/scoped-routes.ts';
import { conflict, readScopedRoute } from '#config/read/scoped-routes.ts';
import type { ScopedRouteConfiguration } from '#envoy/config/route/v3/scoped_route_pb.js';
import type { ConfigResource } from '#proxy/admin/context.ts';
import { InitManager } from '#proxy/init-manager.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { configResource, type Given, givenNow, sameAs } from '#proxy/resource-origin.ts';
import type { ToWorker } from '#proxy/worker-messages.ts';
import { type DiscoveryContext, readGiven } from '#proxy/xds/discovery-context.ts';
import type { RouteDiscovery } from '#proxy/xds/route-discovery.ts';
import type { DiscoveryUpdate, GivenResource, Subscription, SubscriptionOwner } from '#proxy/xds/subscription.ts';

const REFUSED = 'Error adding/updating scoped route(s)';
const SCOPE = 'envoy.config.route.v3.ScopedRouteConfiguration';

export interface ScopedRouteParts {
  context: DiscoveryContext;
  routes: RouteDiscovery;
  /** Tells all workers. */
  tell: (message: ToWorker) => void;
}

export class ScopedRouteDiscovery {
  private readonly parts: ScopedRouteParts;
  private readonly sets = new Map<string, DiscoveredScopes>();

  constructor(parts: ScopedRouteParts) {
    this.parts = parts;
  }

  /** Fetches the scopes of a connection manager and their tables. @param init waits for them. @returns how to let go of them */
  hold(scoped: ScopedRoutes, statPrefix: string, init: InitManager): () => void {
    const { scopes } = scoped;
    if (scopes.kind === 'inline') return this.holdTables(scopes.list, statPrefix, init);
    const { key } = scopes;
    let set = this.sets.get(key);
    if (set === undefined) {
      const scope = this.parts.context.root.scope(`http.${statPrefix}.scoped_rds.${scoped.name}`);
      set = new DiscoveredScopes(scoped, statPrefix, scope, this.parts);
      this.sets.set(key, set);
      set.start();
    }
    set.holders++;
    set.whenSettled(init.add(`shared target SRDS ${scoped.name}`));
    const held = set;
    return () => {
      if (--held.holders > 0) return;
      held.stop();
      this.sets.delete(key);
      this.parts.tell({ kind: 'scopes', key, scopes: undefined });
    };
  }

  private holdTables(list: readonly ScopedRoute[], statPrefix: string, init: InitManager): () => void {
    const held = list.flatMap(({ routes }) =>
      routes.kind === 'rds' ? [this.parts.routes.hold(routes, statPrefix, init)] : [],
    );
    return () => {
      for (const release of held) release();
    };
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.sets.values()].map((set) => set.resource());
  }
}

interface KnownScope {
  given: Given;
  scope: ScopedRoute;
  /** Lets go of its table. */
  release: () => void;
}

class DiscoveredScopes implements SubscriptionOwner {
  holders = 0;
  private readonly scoped: ScopedRoutes;
  private readonly statPrefix: string;
  private readonly parts: ScopedRouteParts;
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly reloadTime;
  private readonly allScopes;
  private readonly activeScopes;
  private known = new Map<string, KnownScope>();
  private version = '';
  private lastUpdated = Date.now();
  private settled = false;
  private waiting: (() => void)[] = [];

  constructor(scoped: ScopedRoutes, statPrefix: string, scope: Scope, parts: ScopedRouteParts) {
    this.scoped = scoped;
    this.statPrefix = statPrefix;
    this.parts = parts;
    this.reloads = scope.counter('config_reload');
    this.reloadTime = scope.gauge('config_reload_time_ms');
    this.allScopes = scope.gauge('all_scopes');
    this.activeScopes = scope.gauge('active_scopes');
    scope.gauge('on_demand_scopes');
    scope.counter('update_empty');
    if (scoped.scopes.kind !== 'srds') throw new Error('these scopes are not fetched');
    const { source } = scoped.scopes;
    this.subscription = parts.context.subscribe({ source, typeName: SCOPE, owner: this, scope });
  }

  start(): void {
    this.subscription.start();
  }

  stop(): void {
    this.subscription.stop();
    for (const { release } of this.known.values()) release();
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  onUpdate({ kind, resources, removed, kept = [], version }: DiscoveryUpdate): void {
    const names = new Set([...resources.map(({ name }) => name), ...kept]);
    const stays = (name: string) => (kind === 'all' ? names.has(name) : !removed.includes(name));
    const next = new Map<string, { scope: ScopedRoute; given: Given }>();
    for (const [name, one] of this.known) if (stays(name)) next.set(name, one);
    for (const resource of resources) next.set(resource.name, this.read(resource));
    const scopes = [...next.values()].map(({ scope }) => scope);
    const problem = conflict(scopes);
    if (problem !== undefined) throw new Error(`${REFUSED}: ${problem}`);
    this.use(next, scopes);
    this.version = version;
    this.lastUpdated = Date.now();
  }

  private read(resource: GivenResource): { scope: ScopedRoute; given: Given } {
    const known = this.known.get(resource.name);
    if (known !== undefined && sameAs(known.given, resource)) return known;
    const { context } = this.parts;
    try {
      const scope = readGiven(resource, SCOPE, context, (message: ScopedRouteConfiguration, at) =>
        readScopedRoute(message, at, this.scoped.rdsSource, context.readContext()),
      );
      return { scope, given: givenNow(resource) };
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      throw new Error(`${REFUSED}: ${resource.name}: ${error.message}`);
    }
  }

  /** Tables that both versions name are held by the new one before the old one lets go. */
  private use(next: Map<string, { scope: ScopedRoute; given: Given }>, scopes: ScopedRoute[]): void {
    const { routes, tell } = this.parts;
    const former = this.known;
    const init = new InitManager('scopes');
    this.known = new Map(
      [...next].map(([name, { scope, given }]) => {
        const release = scope.routes.kind === 'rds' ? routes.hold(scope.routes, this.statPrefix, init) : () => {};
        return [name, { scope, given, release }];
      }),
    );
    for (const { release } of former.values()) release();
    if (this.scoped.scopes.kind === 'srds') tell({ kind: 'scopes', key: this.scoped.scopes.key, scopes });
    this.allScopes.set(scopes.length);
    this.activeScopes.set(scopes.length);
    this.reloads.inc();
    this.reloadTime.set(Date.now());
    init.whenReady(() => this.settle());
  }

  onFailure(): void {
    this.settle();
  }

  private settle(): void {
    this.settled = true;
    for (const ready of this.waiting.splice(0)) ready();
  }

  resource(): ConfigResource {
    const messages = [...this.known].flatMap(
      ([name, { given }]) => configResource(name, given, 'active').message ?? [],
    );
    const { version, lastUpdated } = this;
    return { name: this.scoped.name, messages, state: 'active', versionInfo: version, lastUpdated };
  }
}
