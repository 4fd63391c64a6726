/**
 * A config dump as something to explain: its resources by name, each read when a request reaches it.
 * Follows envoy.admin.v3.ConfigDump.
 */
import type { ClusterConfig, HealthStatus } from '#config/model/cluster.ts';
import type { FilterChain, ListenerConfig } from '#config/model/listener.ts';
import type { NodeInfo, RuntimeLayer } from '#config/model/snapshot.ts';
import { readContext } from '#config/read/context.ts';
import type { ExtensionReaders } from '#config/read/extensions.ts';
import type { ConfigDump } from '#dump/config-dump.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { ExplainedConfiguration, Judgement, ResolvedHost } from '#explain/configuration.ts';
import { configuredRuntime } from '#explain/configured-runtime.ts';
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
  dump: ConfigDump;
  /** What `/clusters?format=json` says, where somebody asked. */
  clusters?: JsonObject;
  extensions: ExtensionReaders;
}

export class DumpConfiguration implements ExplainedConfiguration {
  readonly node: NodeInfo;
  readonly listeners: readonly ListenerConfig[];
  /** Of the bootstrap's static layers. */
  readonly runtime: RuntimeLookup;
  readonly reader: DumpReader;
  readonly #outlines: readonly ListenerOutline[];
  readonly #routes: ReadonlyMap<string, JsonObject>;
  readonly #clusters: ReadonlyMap<string, JsonObject>;
  readonly #assignments: ReadonlyMap<string, JsonObject>;
  readonly #health: ReadonlyMap<string, ReadonlyMap<string, HealthStatus>> | undefined;
  readonly #extensionConfigs: ReadonlyMap<string, JsonObject>;
  readonly #context: ReturnType<typeof readContext>;
  readonly #opened = new Map<FilterChain, FilterChain>();
  readonly #jsonOf = new Map<FilterChain, JsonObject>();
  readonly #openedClusters = new Map<string, ClusterConfig | undefined>();
  #notes = new Set<string>();

  /** @throws DumpError where the dump has no listeners. */
  constructor({ dump, clusters, extensions }: DumpSources) {
    const { reader } = dump;
    this.reader = reader;
    this.#context = readContext({ extensions, lenient: true, environment: {}, files: () => Buffer.alloc(0) });
    const note = (what: string) => reader.note(what);
    this.#outlines = dump.listeners.flatMap((json) => outlineListener(json, reader, note) ?? []);
    this.listeners = this.#outlines.map(({ listener }) => listener);
    const has = (name: Parameters<ConfigDump['sections']>[0]) => dump.sections(name).length > 0;
    this.#routes = byName(has('RoutesConfigDump') ? dump.routes : [], 'name', reader);
    this.#clusters = byName(has('ClustersConfigDump') ? dump.clusters : [], 'name', reader);
    this.#assignments = byName(has('EndpointsConfigDump') ? dump.endpoints : [], 'cluster_name', reader);
    this.#extensionConfigs = byName(has('EcdsConfigDump') ? dump.extensionConfigs : [], 'name', reader);
    this.#health = clusters && hostHealth(clusters, reader);
    this.node = nodeOf(dump);
    this.runtime = configuredRuntime(staticLayers(dump));
    for (const { chains } of this.#outlines) for (const [chain, json] of chains) this.#jsonOf.set(chain, json);
  }

  readonly cluster = (name: string): ClusterConfig | undefined => {
    if (this.#openedClusters.has(name)) return this.#openedClusters.get(name);
    const json = this.#clusters.get(name);
    const opened =
      json &&
      openCluster(json, {
        reader: this.reader,
        context: this.#context,
        assignment: (service) => this.#assignments.get(service),
        health: (cluster) => this.#health?.get(cluster),
        note: (what) => this.#note(`cluster '${name}'`, what),
      });
    this.#openedClusters.set(name, opened);
    return opened;
  };

  resolve(host: string, port: number): ResolvedHost | undefined {
    return resolveHost(host, port, this.#routes, this.#outlines, this.reader);
  }

  open(chain: FilterChain): FilterChain {
    const json = this.#jsonOf.get(chain);
    if (json === undefined) return chain;
    const known = this.#opened.get(chain);
    if (known !== undefined) return known;
    const opened = openChain(chain, json, {
      reader: this.reader,
      context: this.#context,
      routes: (name) => this.#routes.get(name),
      note: (what) => this.#note(chain.name === '' ? 'filter chain' : `filter chain '${chain.name}'`, what),
    });
    this.#opened.set(chain, opened);
    this.#jsonOf.set(opened, json);
    return opened;
  }

  judge(chain: FilterChain, request: RequestUnderWay, route?: CompiledRoute): Judgement {
    const json = this.#jsonOf.get(chain) ?? {};
    const extension = (name: string) => this.#extensionConfigs.get(name);
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

/** The first of a name holds. */
function byName(resources: readonly JsonObject[], field: string, reader: DumpReader): Map<string, JsonObject> {
  const found = new Map<string, JsonObject>();
  for (const resource of resources) {
    const name = reader.text(resource, field);
    if (!found.has(name)) found.set(name, resource);
  }
  return found;
}

function nodeOf(dump: ConfigDump): NodeInfo {
  const { reader } = dump;
  const bootstrap = reader.object(dump.sections('BootstrapConfigDump')[0], 'bootstrap');
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

function staticLayers(dump: ConfigDump): RuntimeLayer[] {
  const { reader } = dump;
  const bootstrap = reader.object(dump.sections('BootstrapConfigDump')[0], 'bootstrap');
  return reader.objects(reader.object(bootstrap, 'layered_runtime'), 'layers').flatMap((layer): RuntimeLayer[] => {
    const values = reader.object(layer, 'static_layer') as (RuntimeLayer & { kind: 'static' })['values'] | undefined;
    return values === undefined ? [] : [{ name: reader.text(layer, 'name'), kind: 'static', values }];
  });
}
