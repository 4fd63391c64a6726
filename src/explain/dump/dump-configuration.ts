/**
 * A config dump as something to explain: its resources by name, each read when a request reaches it.
 * Follows envoy.admin.v3.ConfigDump.
 */
import type { Address } from '#config/model/address.ts';
import type { ClusterConfig, HealthStatus } from '#config/model/cluster.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { NodeInfo, RuntimeLayer } from '#config/model/snapshot.ts';
import { readContext } from '#config/read/context.ts';
import type { ExtensionReaders } from '#config/read/extensions.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { ExplainedConfiguration, Judgement, ResolvedHost } from '#explain/configuration.ts';
import { configuredRuntime } from '#explain/configured-runtime.ts';
import type { DumpResources } from '#explain/dump/dump-resources.ts';
import { hostHealth } from '#explain/dump/host-health.ts';
import { openChain } from '#explain/dump/open-chain.ts';
import { openCluster } from '#explain/dump/open-cluster.ts';
import { type ListenerOutline, outlineListener } from '#explain/dump/outline-listener.ts';
import { resolveHost } from '#explain/dump/resolve-host.ts';
import { judgeConnection, judgeRequest } from '#explain/policies/judge.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export interface DumpSources {
  resources: DumpResources;
  /** What `/clusters?format=json` says, where somebody asked. */
  clusters?: JsonObject;
  extensions: ExtensionReaders;
  /** Values as they are now; without it, those of the bootstrap's static layers. */
  runtime?: RuntimeLookup;
  /** The addresses that listeners are bound to, by name, where they are known. */
  bound?: ReadonlyMap<string, Address[]>;
}

export class DumpConfiguration implements ExplainedConfiguration {
  readonly node: NodeInfo;
  readonly listeners: readonly ListenerConfig[];
  /** Of the bootstrap's static layers. */
  readonly runtime: RuntimeLookup;
  readonly reader: DumpReader;
  readonly #outlines: readonly ListenerOutline[];
  readonly #resources: DumpResources;
  readonly #health: ReadonlyMap<string, ReadonlyMap<string, HealthStatus>> | undefined;
  readonly #context: ReturnType<typeof readContext>;
  readonly #opened = new Map<FilterChain, FilterChain>();
  readonly #jsonOf = new Map<FilterChain, JsonObject>();
  readonly #openedClusters = new Map<string, ClusterConfig | undefined>();
  #notes = new Set<string>();

  constructor({ resources, clusters, extensions, runtime, bound }: DumpSources) {
    const { reader } = resources;
    this.reader = reader;
    this.#resources = resources;
    const files = () => Buffer.alloc(0);
    this.#context = readContext({ extensions, lenient: true, environment: {}, files, ads: 'DELTA_GRPC' });
    const note = (what: string) => reader.note(what);
    this.#outlines = resources.listeners.flatMap((json) => outlineListener(json, reader, note, bound) ?? []);
    this.listeners = this.#outlines.map(({ listener }) => listener);
    this.#health = clusters && hostHealth(clusters, reader);
    this.node = nodeOf(resources);
    this.runtime = runtime ?? configuredRuntime(staticLayers(resources));
    for (const { chains } of this.#outlines) for (const [chain, json] of chains) this.#jsonOf.set(chain, json);
  }

  readonly cluster = (name: string): ClusterConfig | undefined => {
    if (this.#openedClusters.has(name)) return this.#openedClusters.get(name);
    const json = this.#resources.clusters.get(name);
    const opened =
      json &&
      openCluster(json, {
        reader: this.reader,
        context: this.#context,
        assignment: (service) => this.#resources.assignments.get(service),
        health: (cluster) => this.#health?.get(cluster),
        note: (what) => this.#note(`cluster '${name}'`, what),
      });
    this.#openedClusters.set(name, opened);
    return opened;
  };

  resolve(host: string, port: number): ResolvedHost | undefined {
    return resolveHost(host, port, this.#resources.routeTables, this.#outlines, this.reader);
  }

  open(chain: FilterChain): FilterChain {
    const json = this.#jsonOf.get(chain);
    if (json === undefined) return chain;
    const known = this.#opened.get(chain);
    if (known !== undefined) return known;
    const opened = openChain(chain, json, {
      reader: this.reader,
      context: this.#context,
      routes: (name) => this.#resources.routeTables.get(name),
      note: (what) => this.#note(chain.name === '' ? 'filter chain' : `filter chain '${chain.name}'`, what),
    });
    this.#opened.set(chain, opened);
    this.#jsonOf.set(opened, json);
    return opened;
  }

  judge(chain: FilterChain, request: RequestUnderWay, route?: CompiledRoute): Judgement {
    const json = this.#jsonOf.get(chain) ?? {};
    const extension = (name: string) => this.#resources.extensionConfigs.get(name);
    return route === undefined
      ? judgeConnection(json, request, this.reader)
      : judgeRequest(json, request, route, this.reader, extension);
  }

  /** Those since the last time. */
  notes(): string[] {
    const notes = [...this.#notes];
    this.#notes = new Set();
    return notes;
  }

  /** Of many items of a list, one note is enough. */
  #note(resource: string, what: string): void {
    this.#notes.add(`${resource}: ${what.replace(/\[\d+\]/g, '[]')}`);
  }
}

function nodeOf({ reader, bootstrap }: DumpResources): NodeInfo {
  const node = reader.object(bootstrap, 'node');
  const locality = reader.object(node, 'locality');
  return {
    id: reader.text(node, 'id'),
    cluster: reader.text(node, 'cluster'),
    metadata: (reader.object(node, 'metadata') ?? {}) as NodeInfo['metadata'],
    locality: {
      region: reader.text(locality, 'region'),
      zone: reader.text(locality, 'zone'),
      subZone: reader.text(locality, 'sub_zone'),
    },
  };
}

function staticLayers({ reader, bootstrap }: DumpResources): RuntimeLayer[] {
  return reader.objects(reader.object(bootstrap, 'layered_runtime'), 'layers').flatMap((layer): RuntimeLayer[] => {
    const values = reader.object(layer, 'static_layer') as (RuntimeLayer & { kind: 'static' })['values'] | undefined;
    return values === undefined ? [] : [{ name: reader.text(layer, 'name'), kind: 'static', values }];
  });
}
