/**
 * The public library `fairlead/xds`: a cache of snapshots for groups of nodes, and a management server that serves it to any xDS client.
 */

export type { XdsEvent, XdsListener } from '#control/xds/events.ts';
export { parseResources, resource } from '#control/xds/parse-resources.ts';
export type { GivenResource, Resource, ResourceSet, Snapshot } from '#control/xds/snapshot.ts';
export { InconsistentSnapshot, type NodeIdentity, SnapshotCache } from '#control/xds/snapshot-cache.ts';
export { startXdsServer, type XdsServer, type XdsServerOptions } from '#control/xds/xds-server.ts';
