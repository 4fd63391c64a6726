/**
 * The resources of a proxy as JSON, found by name: of a dump, or made of messages when they are asked for.
 */
import type { Message } from '@bufbuild/protobuf';
import { toTree } from '#api/encode.ts';
import { messageType } from '#api/registry.ts';
import type { ConfigDump, SectionName } from '#dump/config-dump.ts';
import { DumpReader, type JsonObject } from '#dump/dump-reader.ts';
import type { Bootstrap } from '#envoy/config/bootstrap/v3/bootstrap_pb.js';

export interface ByName {
  get(name: string): JsonObject | undefined;
  keys(): Iterable<string>;
}

export interface DumpResources {
  readonly reader: DumpReader;
  /** Without static resources. */
  readonly bootstrap: JsonObject | undefined;
  readonly listeners: readonly JsonObject[];
  readonly routeTables: ByName;
  readonly clusters: ByName;
  /** By the name that EDS is asked for. */
  readonly assignments: ByName;
  readonly extensionConfigs: ByName;
}

/** @throws DumpError where the dump has no listeners. */
export function resourcesOfDump(dump: ConfigDump): DumpResources {
  const { reader } = dump;
  const has = (name: SectionName) => dump.sections(name).length > 0;
  return {
    reader,
    bootstrap: reader.object(dump.sections('BootstrapConfigDump')[0], 'bootstrap'),
    listeners: dump.listeners,
    routeTables: byName(has('RoutesConfigDump') ? dump.routes : [], 'name', reader),
    clusters: byName(has('ClustersConfigDump') ? dump.clusters : [], 'name', reader),
    assignments: byName(has('EndpointsConfigDump') ? dump.endpoints : [], 'cluster_name', reader),
    extensionConfigs: byName(has('EcdsConfigDump') ? dump.extensionConfigs : [], 'name', reader),
  };
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

export interface NamedMessage {
  name: string;
  message: Message;
}

export interface MessageResources {
  bootstrap: Bootstrap;
  listeners: readonly NamedMessage[];
  routeTables: readonly NamedMessage[];
  clusters: readonly NamedMessage[];
  /** Of ClusterLoadAssignment, already as JSON. */
  assignments: ByName;
}

/** Only what a request reaches becomes JSON, besides the listeners. */
export function resourcesOfMessages(given: MessageResources): DumpResources {
  const { bootstrap, listeners, routeTables, clusters, assignments } = given;
  const settings = { ...bootstrap, staticResources: undefined };
  return {
    reader: new DumpReader(),
    bootstrap: tree('envoy.config.bootstrap.v3.Bootstrap', settings),
    listeners: listeners.map(({ message }) => tree('envoy.config.listener.v3.Listener', message)),
    routeTables: new LazyTrees('envoy.config.route.v3.RouteConfiguration', routeTables),
    clusters: new LazyTrees('envoy.config.cluster.v3.Cluster', clusters),
    assignments,
    extensionConfigs: new Map(),
  };
}

export function resourcesOfBootstrap(bootstrap: Bootstrap): DumpResources {
  const { listeners = [], clusters = [] } = bootstrap.staticResources ?? {};
  const named = (messages: readonly (Message & { name: string })[]) =>
    messages.map((message) => ({ name: message.name, message }));
  return resourcesOfMessages({
    bootstrap,
    listeners: named(listeners),
    routeTables: [],
    clusters: named(clusters),
    assignments: new Map(),
  });
}

function tree(typeName: string, message: Message): JsonObject {
  return toTree(messageType(typeName), message) as JsonObject;
}

class LazyTrees implements ByName {
  readonly #typeName: string;
  readonly #messages = new Map<string, Message>();
  readonly #trees = new Map<string, JsonObject>();

  constructor(typeName: string, messages: readonly NamedMessage[]) {
    this.#typeName = typeName;
    for (const { name, message } of messages) if (!this.#messages.has(name)) this.#messages.set(name, message);
  }

  get(name: string): JsonObject | undefined {
    const known = this.#trees.get(name);
    const message = this.#messages.get(name);
    if (known !== undefined || message === undefined) return known;
    const made = tree(this.#typeName, message);
    this.#trees.set(name, made);
    return made;
  }

  keys(): Iterable<string> {
    return this.#messages.keys();
  }
}
