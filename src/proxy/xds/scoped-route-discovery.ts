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

  /** A request asks for a scope whose table nobody asked for before. Workers are told when it is known. @param scope its key */
  demand(key: string, scope: string): void {
    const answered = () => this.parts.tell({ kind: 'route_answer', question: { kind: 'scope', key, name: scope } });
    const set = this.sets.get(key);
    if (set === undefined) answered();
    else set.demand(scope, answered);
  }

  /** As the admin API shows them. */
  resources(): ConfigResource[] {
    return [...this.sets.values()].map((set) => set.resource());
  }
}

interface KnownScope {
  given: Given;
  scope: ScopedRoute;
  /** Its table is held, and workers use it. */
  active: boolean;
  /** Lets go of its table; undefined: nobody asked for it yet. */
  release: (() => void) | undefined;
  /** Tell workers that what requests asked for is here. */
  waiting: (() => void)[];
}

class DiscoveredScopes implements SubscriptionOwner {
  holders = 0;
  private readonly scoped: ScopedRoutes;
  private readonly key: string;
  private readonly statPrefix: string;
  private readonly parts: ScopedRouteParts;
  private readonly subscription: Subscription;
  private readonly reloads;
  private readonly reloadTime;
  private readonly allScopes;
  private readonly activeScopes;
  private readonly onDemandScopes;
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
    this.onDemandScopes = scope.gauge('on_demand_scopes');
    scope.counter('update_empty');
    if (scoped.scopes.kind !== 'srds') throw new Error('these scopes are not fetched');
    const { source, key } = scoped.scopes;
    this.key = key;
    this.subscription = parts.context.subscribe({ source, typeName: SCOPE, owner: this, scope });
  }

  start(): void {
    this.subscription.start();
  }

  stop(): void {
    this.subscription.stop();
    for (const known of this.known.values()) letGo(known);
  }

  whenSettled(ready: () => void): void {
    if (this.settled) ready();
    else this.waiting.push(ready);
  }

  /** @param key of a scope. @param answered hears when its table is here, or does not come */
  demand(key: string, answered: () => void): void {
    const known = [...this.known.values()].find(({ scope }) => scope.key === key);
    if (known === undefined || known.active) return answered();
    known.waiting.push(answered);
    if (known.release !== undefined) return;
    const init = new InitManager('on demand');
    this.hold(known, init);
    this.countActive();
    init.whenReady(() => {
      if (known.release === undefined) return;
      known.active = true;
      this.parts.tell({ kind: 'scope', key: this.key, scope: known.scope });
      for (const tell of known.waiting.splice(0)) tell();
    });
  }

  onUpdate({ kind, resources, removed, kept = [], version }: DiscoveryUpdate): void {
    const names = new Set([...resources.map(({ name }) => name), ...kept]);
    const stays = (name: string) => (kind === 'all' ? names.has(name) : !removed.includes(name));
    const next = new Map<string, KnownScope>();
    for (const [name, one] of this.known) if (stays(name)) next.set(name, one);
    for (const resource of resources) next.set(resource.name, this.read(resource));
    const problem = conflict([...next.values()].map(({ scope }) => scope));
    if (problem !== undefined) throw new Error(`${REFUSED}: ${problem}`);
    this.use(next);
    this.version = version;
    this.lastUpdated = Date.now();
  }

  private read(resource: GivenResource): KnownScope {
    const known = this.known.get(resource.name);
    if (known !== undefined && sameAs(known.given, resource)) return known;
    const { context } = this.parts;
    try {
      const scope = readGiven(resource, SCOPE, context, (message: ScopedRouteConfiguration, at) =>
        readScopedRoute(message, at, this.scoped.rdsSource, context.readContext()),
      );
      return { scope, given: givenNow(resource), active: false, release: undefined, waiting: [] };
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      throw new Error(`${REFUSED}: ${resource.name}: ${error.message}`);
    }
  }

  /** Tables that both versions name are held by the new one before the old one lets go. Scopes that stay keep what they have. */
  private use(next: Map<string, KnownScope>): void {
    const former = new Set(this.known.values());
    const init = new InitManager('scopes');
    for (const known of next.values()) {
      if (former.delete(known)) continue;
      known.active = !known.scope.onDemand || known.scope.routes.kind === 'inline';
      if (known.active) this.hold(known, init);
    }
    this.known = next;
    const scopes = [...next.values()].map(({ scope, active }) => ({ ...scope, onDemand: !active }));
    this.parts.tell({ kind: 'scopes', key: this.key, scopes });
    for (const known of former) letGo(known);
    this.allScopes.set(next.size);
    this.onDemandScopes.set([...next.values()].filter(({ scope }) => scope.onDemand).length);
    this.countActive();
    this.reloads.inc();
    this.reloadTime.set(Date.now());
    init.whenReady(() => this.settle());
  }

  private hold(known: KnownScope, init: InitManager): void {
    const { routes } = known.scope;
    known.release = routes.kind === 'rds' ? this.parts.routes.hold(routes, this.statPrefix, init) : () => {};
  }

  private countActive(): void {
    this.activeScopes.set([...this.known.values()].filter(({ release }) => release !== undefined).length);
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

/** Its requests wait no more. */
function letGo(known: KnownScope): void {
  known.release?.();
  known.release = undefined;
  for (const tell of known.waiting.splice(0)) tell();
}
