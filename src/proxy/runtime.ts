/**
 * The runtime on the main thread: its layers in the order configured, later ones over earlier ones. Disk layers are read again
 * when the link that they hang on is swapped, the admin layer changes with POST /runtime_modify; everyone who subscribed then
 * gets the new snapshot.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import { existsSync, type FSWatcher, lstatSync, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Json } from '#config/model/route.ts';
import type { RuntimeLayer } from '#config/model/snapshot.ts';
import type { Scope } from '#proxy/observe/stats/metrics.ts';
import { valuesOfFolder } from '#proxy/runtime-values.ts';
import { type RuntimeValues, valueOfText, valuesOfJson } from '#selection/runtime-values.ts';
import { NO_RUNTIME, type RuntimeSnapshot } from '#selection/runtime-view.ts';

export interface RuntimeOptions {
  layers: readonly RuntimeLayer[];
  /** `--service-cluster`, for layers with append_service_cluster. */
  serviceCluster: string;
  scope: Scope;
  /** Told what is wrong with a layer on disk. */
  warn: (message: string) => void;
}

export class Runtime {
  #snapshot: RuntimeSnapshot = NO_RUNTIME;
  readonly #options: RuntimeOptions;
  readonly #stats: RuntimeStats;
  readonly #overrides: RuntimeValues = {};
  /** What management servers said of their layers. */
  readonly #fetched = new Map<string, RuntimeValues>();
  readonly #subscribers: ((snapshot: RuntimeSnapshot) => void)[] = [];
  readonly #watchers: FSWatcher[] = [];

  constructor(options: RuntimeOptions) {
    this.#options = options;
    this.#stats = runtimeStats(options.scope.scope('runtime'));
    this.reload();
    this.#watch();
  }

  get snapshot(): RuntimeSnapshot {
    return this.#snapshot;
  }

  /** Calls back with each new snapshot, from the next on. */
  subscribe(subscriber: (snapshot: RuntimeSnapshot) => void): void {
    this.#subscribers.push(subscriber);
  }

  /** Sets values of the admin layer; an empty one takes an earlier override away. @returns what is wrong, if anything. */
  modify(changes: Iterable<readonly [string, string]>): string | undefined {
    if (!this.#options.layers.some((layer) => layer.kind === 'admin')) return 'No admin layer specified';
    for (const [key, text] of changes) {
      if (text === '') delete this.#overrides[key];
      else this.#overrides[key] = valueOfText(text);
    }
    this.#stats.adminOverridesActive.set(Object.keys(this.#overrides).length === 0 ? 0 : 1);
    this.reload();
    return undefined;
  }

  /** What a management server says of its layer; undefined: nothing any more. */
  setFetched(layer: string, values: { [key: string]: Json } | undefined): void {
    if (values === undefined) this.#fetched.delete(layer);
    else this.#fetched.set(layer, valuesOfJson(values));
    this.reload();
  }

  /** Reads every layer again. A layer on disk that is not there, or cannot be read, is left out. */
  reload(): void {
    const disks = { found: 0, failed: 0 };
    const layers = this.#options.layers.flatMap((layer) => {
      const values = layer.kind === 'disk' ? this.#readDisk(layer, disks) : this.#valuesOf(layer);
      return values === undefined ? [] : [{ name: layer.name, values }];
    });
    const values: RuntimeValues = Object.assign({}, ...layers.map((layer) => layer.values));
    this.#snapshot = { layers, values };
    this.#count(disks.found, disks.failed > 0);
    for (const subscriber of this.#subscribers) subscriber(this.#snapshot);
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  #valuesOf(layer: Exclude<RuntimeLayer, DiskLayer>): RuntimeValues {
    if (layer.kind === 'static') return valuesOfJson(layer.values);
    return { ...(layer.kind === 'rtds' ? this.#fetched.get(layer.name) : this.#overrides) };
  }

  #readDisk(layer: DiskLayer, disks: { found: number; failed: number }): RuntimeValues | undefined {
    const folder = folderOf(layer, this.#options.serviceCluster);
    if (!existsSync(folder)) return undefined;
    try {
      const values = valuesOfFolder(folder);
      disks.found++;
      return values;
    } catch (error) {
      disks.failed++;
      this.#options.warn(`error loading runtime values from file: ${(error as Error).message}`);
      return undefined;
    }
  }

  #count(diskLayers: number, failed: boolean): void {
    const stats = this.#stats;
    (failed ? stats.loadError : stats.loadSuccess).inc();
    // Of the layers on disk the first is the base, as Envoy counts, and those after it override.
    (diskLayers > 1 ? stats.overrideDirExists : stats.overrideDirNotExists).inc();
    stats.numKeys.set(Object.keys(this.#snapshot.values).length);
    stats.numLayers.set(this.#snapshot.layers.length);
  }

  /** An update swaps the link, so what is watched is its name in the folder that holds it; each layer does so by itself. */
  #watch(): void {
    for (const layer of this.#options.layers) {
      if (layer.kind !== 'disk') continue;
      const { symlinkRoot } = layer;
      const [folder, link] = [dirname(symlinkRoot), basename(symlinkRoot)];
      const watcher = watch(folder, { persistent: false }, (event, name) => {
        // A link that goes takes nothing away until the next one comes.
        if (event === 'rename' && name === link && isThere(symlinkRoot)) this.reload();
      });
      watcher.on('error', (error) => this.#options.warn(`watching ${folder} for runtime changes: ${error.message}`));
      this.#watchers.push(watcher);
    }
  }
}

function isThere(link: string): boolean {
  return lstatSync(link, { throwIfNoEntry: false }) !== undefined;
}

type DiskLayer = Extract<RuntimeLayer, { kind: 'disk' }>;

function folderOf(layer: DiskLayer, serviceCluster: string): string {
  const folder = join(layer.symlinkRoot, layer.subdirectory);
  return layer.appendServiceCluster ? join(folder, serviceCluster) : folder;
}

type RuntimeStats = ReturnType<typeof runtimeStats>;

function runtimeStats(scope: Scope) {
  return {
    loadSuccess: scope.counter('load_success'),
    loadError: scope.counter('load_error'),
    overrideDirExists: scope.counter('override_dir_exists'),
    overrideDirNotExists: scope.counter('override_dir_not_exists'),
    deprecatedFeatureUse: scope.counter('deprecated_feature_use'),
    deprecatedFeatureSeenSinceProcessStart: scope.gauge('deprecated_feature_seen_since_process_start'),
    adminOverridesActive: scope.gauge('admin_overrides_active'),
    numKeys: scope.gauge('num_keys'),
    numLayers: scope.gauge('num_layers'),
  };
}
