/**
 * The listeners of the server on the main thread: those of the bootstrap, and those that come, change and go with discovery. One that
 * changes goes on serving until the other is ready; then it drains. One that is the same but for filter chains is changed in place, and
 * only those chains drain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/lds and .../intro/arch_overview/operations/draining
 */
import { logger } from '#base/logger.ts';
import type { Schedule } from '#base/timers.ts';
import { type Address, addressText } from '#config/model/address.ts';
import type { ListenerConfig } from '#config/model/listener.ts';
import type { ConfigResource, UpdateError } from '#proxy/admin/context.ts';
import type { InitManager } from '#proxy/init-manager.ts';
import type { ListenerManagerStats } from '#proxy/observe/stats/manager-stats.ts';
import { configResource, type Given, sameAs } from '#proxy/resource-origin.ts';
import { ServerListener } from '#proxy/server-listener.ts';
import type { InheritedSockets, WorkerPool } from '#proxy/worker-pool.ts';
import type { GivenResource } from '#proxy/xds/subscription.ts';

export interface ServerListenersParts {
  workers: Pick<WorkerPool, 'listen' | 'forget' | 'broadcast'>;
  concurrency: number;
  /** Milliseconds. */
  drainTime: number;
  stats: ListenerManagerStats;
  schedule: Schedule;
  /** Gets what a listener needs (route tables, secrets), and adds what is still to come to the manager. @returns how to let go of it */
  need(config: ListenerConfig, init: InitManager): () => void;
}

export class ServerListeners {
  private readonly parts: ServerListenersParts;
  private readonly active = new Map<string, ServerListener>();
  private readonly warming = new Map<string, ServerListener>();
  private readonly draining = new Set<ServerListener>();
  private errors: ReadonlyMap<string, UpdateError> = new Map();
  /** Those that could not be opened after they had been taken. */
  private readonly bindErrors = new Map<string, UpdateError>();
  private readonly log = logger('config');
  /** The bootstrap's listen in the order of their numbers, which are their places there. */
  private nextId = 0;
  private updates = 0;
  /** Workers accept connections. */
  private started = false;
  /** Nothing is accepted any more. */
  private stopped = false;
  private queue: Promise<void> = Promise.resolve();
  private drainingChains = 0;
  private changed: () => void = () => {};

  constructor(configs: readonly ListenerConfig[], parts: ServerListenersParts) {
    this.parts = parts;
    for (const config of configs) this.active.set(config.name, new ServerListener(this.nextId++, config, undefined));
    parts.stats.listenerAdded.add(configs.length);
    this.count();
  }

  /** Gets what listeners need, and calls back when it is there. */
  prepare(ready: (listener: ServerListener) => () => void): void {
    for (const listener of this.active.values()) this.prepareOne(listener, ready(listener));
  }

  private prepareOne(listener: ServerListener, ready: () => void): void {
    const release = this.parts.need(listener.config, listener.init);
    listener.release = () => {
      listener.release = () => {};
      release();
    };
    listener.init.whenReady(ready);
  }

  /** Opens what is there. @throws where an address of the bootstrap cannot be bound */
  async start(inherited: InheritedSockets): Promise<void> {
    this.started = true;
    const all = [...this.active.values()];
    const fixed = all.filter(({ given }) => given === undefined);
    try {
      const bound = await this.parts.workers.listen(
        fixed.map(({ id }) => id),
        inherited,
      );
      for (const listener of fixed) listener.bound = bound[listener.name] ?? [];
    } catch (error) {
      this.parts.stats.listenerCreateFailure.inc();
      throw error;
    }
    this.parts.stats.listenerCreateSuccess.add(fixed.length * this.parts.concurrency);
    for (const listener of all) if (listener.given !== undefined) await this.open(listener, inherited).catch(() => {});
    this.count();
    this.parts.stats.workersStarted.set(1);
  }

  /** What is left open for the drain. */
  stop(inboundOnly: boolean): void {
    if (!inboundOnly) this.stopped = true;
    const stopped = this.configs().filter(({ trafficDirection }) => !inboundOnly || trafficDirection === 'INBOUND');
    this.parts.stats.listenerStopped.add(stopped.length);
  }

  knows(resource: GivenResource): boolean {
    const active = this.active.get(resource.name);
    if (active !== undefined && active.given === undefined) return true;
    return sameAs((this.warming.get(resource.name) ?? active)?.given, resource);
  }

  /** Names of those that discovery brought. */
  givenNames(): string[] {
    const given = [...this.active.values(), ...this.warming.values()].filter((one) => one.given !== undefined);
    return [...new Set(given.map(({ name }) => name))];
  }

  /**
   * A listener that discovery brought: it is new, or takes the place of another.
   * @param ready asked where the server has not started yet: what to call when the listener is there, or does not come
   * @returns settles when it listens; undefined where it has to wait for something else first
   * @throws Error where it cannot be, in Envoy's words
   */
  set(config: ListenerConfig, given: Given, ready: () => () => void): Promise<void> | undefined {
    const listener = new ServerListener(this.nextId++, config, given);
    const { name } = config;
    const former = this.active.get(name);
    const warming = this.warming.get(name);
    for (const other of [...this.active.values(), ...this.warming.values()]) {
      if (other.name === name || !listener.conflictsWith(other)) continue;
      const addresses = config.addresses.map(addressText).join(',');
      throw new Error(`error adding listener: '${name}' has duplicate address '${addresses}' as existing listener`);
    }
    const { stats } = this.parts;
    (former === undefined && warming === undefined ? stats.listenerAdded : stats.listenerModified).inc();
    this.bindErrors.delete(name);
    if (warming !== undefined) this.forgetWarming(warming);
    if (!this.started) {
      former?.release();
      this.active.set(name, listener);
      this.prepareOne(listener, ready());
      this.count();
      return undefined;
    }
    this.warming.set(name, listener);
    let opening: Promise<void> | undefined;
    this.prepareOne(listener, () => {
      opening = this.open(listener, {});
      opening.catch(() => {});
    });
    this.count();
    return opening;
  }

  /** @returns whether there was one that discovery had brought */
  remove(name: string): boolean {
    const warming = this.warming.get(name);
    const active = this.active.get(name);
    this.bindErrors.delete(name);
    if ((active ?? warming)?.given === undefined) return false;
    if (warming !== undefined) this.forgetWarming(warming);
    if (active !== undefined) {
      this.active.delete(name);
      if (this.started) {
        this.parts.workers.broadcast({ kind: 'leave_listener', id: active.id });
        this.parts.workers.forget(name);
        this.drain(active);
      } else active.release();
    }
    this.parts.stats.listenerRemoved.inc();
    this.count();
    return true;
  }

  /** Calls back when others serve than before. */
  onChange(listener: () => void): void {
    this.changed = listener;
  }

  /** What was refused of the last update, for the admin API. */
  setErrors(errors: ReadonlyMap<string, UpdateError>): void {
    this.errors = errors;
  }

  private forgetWarming(listener: ServerListener): void {
    this.warming.delete(listener.name);
    listener.init.cancel();
    listener.release();
  }

  /** One after the other: sockets of one version go over to the next. */
  private open(listener: ServerListener, inherited: InheritedSockets): Promise<void> {
    const opened = this.queue.then(() => this.openNow(listener, inherited));
    this.queue = opened.catch(() => {});
    return opened;
  }

  private async openNow(listener: ServerListener, inherited: InheritedSockets): Promise<void> {
    const { name } = listener;
    const current = () => this.warming.get(name) === listener || this.active.get(name) === listener;
    if (!current() || this.stopped) return;
    const { stats, workers, concurrency } = this.parts;
    const former = this.active.get(name) === listener ? undefined : this.active.get(name);
    const chains = former === undefined ? undefined : listener.chainsOver(former);
    if (former !== undefined && chains !== undefined) {
      this.updateInPlace(listener, former, chains);
      stats.listenerCreateSuccess.add(concurrency);
      return;
    }
    workers.broadcast({ kind: 'add_listener', id: listener.id, config: listener.config });
    try {
      listener.bound = (await workers.listen([listener.id], inherited))[name] ?? [];
    } catch (error) {
      this.onBindError(listener, error as Error);
      throw error;
    }
    stats.listenerCreateSuccess.add(concurrency);
    if (current() || this.warming.has(name)) {
      // Where yet another came meanwhile, that one takes this one's place.
      if (this.warming.get(name) === listener) this.warming.delete(name);
      this.active.set(name, listener);
    } else {
      workers.broadcast({ kind: 'leave_listener', id: listener.id });
      workers.forget(name);
      this.drain(listener);
    }
    if (former !== undefined) this.drain(former);
    this.count();
  }

  private updateInPlace(
    listener: ServerListener,
    former: ServerListener,
    chains: NonNullable<ReturnType<ServerListener['chainsOver']>>,
  ): void {
    const { workers, stats, schedule, drainTime } = this.parts;
    const update = this.updates++;
    workers.broadcast({ kind: 'update_chains', ...chains, update });
    const { name } = listener;
    // Workers know it by the number of the first version.
    const renewed = Object.assign(new ServerListener(former.id, listener.config, listener.given), {
      bound: former.bound,
      release: () => listener.release(),
    });
    this.warming.delete(name);
    this.active.set(name, renewed);
    stats.listenerInPlaceUpdated.inc();
    const kept = chains.filterChains.filter((chain) => typeof chain === 'number').length;
    const lostDefault = former.config.defaultFilterChain !== undefined && chains.defaultFilterChain !== 'kept';
    const gone = former.config.filterChains.length - kept + Number(lostDefault);
    this.drainingChains += gone;
    this.count();
    schedule(drainTime, () => {
      workers.broadcast({ kind: 'end_chains', listener: name, update });
      former.release();
      this.drainingChains -= gone;
      this.count();
    });
  }

  private onBindError(listener: ServerListener, error: Error): void {
    const { name, given } = listener;
    this.log.warning(`listener '${name}' failed to listen: ${error.message}`);
    this.parts.stats.listenerCreateFailure.inc();
    this.parts.workers.broadcast({ kind: 'end_listener', id: listener.id });
    listener.release();
    if (this.warming.get(name) === listener) this.warming.delete(name);
    if (this.active.get(name) === listener) this.active.delete(name);
    if (given !== undefined) {
      const { versionInfo } = given;
      this.bindErrors.set(name, { lastUpdateAttempt: Date.now(), details: error.message, versionInfo });
    }
    this.count();
  }

  /** It accepts no more; after the drain time it ends. */
  private drain(listener: ServerListener): void {
    if (this.draining.has(listener)) return;
    this.draining.add(listener);
    const { workers, schedule, drainTime } = this.parts;
    schedule(drainTime, () => {
      workers.broadcast({ kind: 'end_listener', id: listener.id });
      listener.release();
      this.draining.delete(listener);
      this.count();
    });
  }

  private count(): void {
    const { stats } = this.parts;
    const { started } = this;
    this.changed();
    stats.totalListenersActive.set(started ? this.active.size : 0);
    stats.totalListenersWarming.set(this.warming.size + (started ? 0 : this.active.size));
    stats.totalListenersDraining.set(this.draining.size);
    stats.totalFilterChainsDraining.set(this.drainingChains);
  }

  configs(): ListenerConfig[] {
    return [...this.active.values()].map(({ config }) => config);
  }

  /** Where those that are active listen. */
  bound(): Map<string, Address[]> {
    return new Map(
      [...this.active.values()].filter(({ bound }) => bound.length > 0).map((one) => [one.name, one.bound]),
    );
  }

  /** What the server, or listeners that warm up, still wait for. */
  unready(): { name: string; targets: string[] }[] {
    return [...this.active.values(), ...this.warming.values()].map(({ init }) => ({
      name: init.name,
      targets: init.unready(),
    }));
  }

  /** Those of discovery, as the admin API shows them. */
  resources(): ConfigResource[] {
    const shown = (listeners: Iterable<ServerListener>, state: ConfigResource['state']) =>
      [...listeners].flatMap(({ name, given }) => (given === undefined ? [] : [configResource(name, given, state)]));
    const there = [
      ...shown(this.active.values(), this.started ? 'active' : 'warming'),
      ...shown(this.warming.values(), 'warming'),
      ...shown(this.draining, 'draining'),
    ];
    const failed = [...new Map([...this.bindErrors, ...this.errors])].map(
      ([name, error]): ConfigResource => ({ name, state: 'active', error }),
    );
    return [...there, ...failed];
  }
}
