/**
 * Whether a snapshot has whatever its own resources ask for by name: the endpoints of clusters, the routes of listeners, secrets,
 * configurations of extensions. One that lacks something would leave clients warming for ever.
 */
import { toTree } from '#api/encode.ts';
import { messageType } from '#api/registry.ts';
import { RESOURCE_TYPES, type ResourceType } from '#control/xds/resource-types.ts';
import type { Resource, Snapshot } from '#control/xds/snapshot.ts';

type Tree = { [field: string]: unknown };

/** A name that a resource asks for. */
interface Wanted {
  type: string;
  name: string;
}

/** @returns a sentence for each resource that is asked for and not there; none where all is well. */
export function inconsistencies(snapshot: Snapshot): string[] {
  const found = new Set<string>();
  for (const type of RESOURCE_TYPES) {
    for (const resource of snapshot.sets.get(type.typeUrl)?.resources.values() ?? []) {
      for (const wanted of wantedBy(type, resource)) {
        if (has(snapshot, wanted)) continue;
        found.add(
          `${last(type.message)} '${resource.name}' asks for ${last(wanted.type)} '${wanted.name}', which is not there`,
        );
      }
    }
  }
  return [...found];
}

function has(snapshot: Snapshot, { type, name }: Wanted): boolean {
  return snapshot.sets.get(`type.googleapis.com/${type}`)?.resources.has(name) ?? false;
}

function last(message: string): string {
  return message.slice(message.lastIndexOf('.') + 1);
}

function wantedBy(type: ResourceType, { message }: Resource): Wanted[] {
  if (type.short === 'EDS' || type.short === 'RTDS') return [];
  const wanted: Wanted[] = [];
  const tree = toTree(messageType(type.message), message) as Tree;
  if (type.short === 'CDS') addEndpoints(tree, wanted);
  if (type.short === 'SRDS' && typeof tree.route_configuration_name === 'string')
    wanted.push({ type: 'envoy.config.route.v3.RouteConfiguration', name: tree.route_configuration_name });
  walk(tree, wanted);
  return wanted;
}

function addEndpoints(cluster: Tree, wanted: Wanted[]): void {
  if (cluster.type !== 'EDS') return;
  const config = (cluster.eds_cluster_config ?? {}) as Tree;
  if (!fromManagement(config.eds_config)) return;
  const name =
    typeof config.service_name === 'string' && config.service_name !== '' ? config.service_name : cluster.name;
  wanted.push({ type: 'envoy.config.endpoint.v3.ClusterLoadAssignment', name: String(name) });
}

/** What is asked for somewhere below, in extensions too. */
function walk(value: unknown, wanted: Wanted[]): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, wanted);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const tree = value as Tree;
  const { rds, name } = tree;
  if (isTree(rds) && fromManagement(rds.config_source))
    wanted.push({ type: 'envoy.config.route.v3.RouteConfiguration', name: String(rds.route_config_name) });
  if (typeof name === 'string' && fromManagement(tree.sds_config))
    wanted.push({ type: 'envoy.extensions.transport_sockets.tls.v3.Secret', name });
  if (typeof name === 'string' && isTree(tree.config_discovery) && fromManagement(tree.config_discovery.config_source))
    wanted.push({ type: 'envoy.config.core.v3.TypedExtensionConfig', name });
  for (const each of Object.values(tree)) walk(each, wanted);
}

/** Whether a ConfigSource means the server that sent it. */
function fromManagement(source: unknown): boolean {
  return isTree(source) && (source.ads !== undefined || source.self !== undefined);
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
