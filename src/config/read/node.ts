/**
 * Who this proxy is. Follows envoy.config.core.v3.Node and
 * https://www.envoyproxy.io/docs/envoy/latest/operations/cli (`--service-node`, `--service-cluster`, `--service-zone`).
 */
import { create } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import { messageType } from '#api/registry.ts';
import type { Json } from '#config/model/route.ts';
import type { NodeInfo } from '#config/model/snapshot.ts';
import { readLocality } from '#config/read/endpoint.ts';
import { honours } from '#config/read/support.ts';
import type { Locality, Node } from '#envoy/config/core/v3/base_pb.js';

// The last three are for management servers alone.
const HONOURED = [
  'id',
  'cluster',
  'metadata',
  'locality',
  'dynamic_parameters',
  'client_features',
  'listening_addresses',
];

const check = honours('envoy.config.core.v3.Node', HONOURED, {
  withoutEffect: {
    extensions: 'the proxy says itself what it has',
    user_agent_name: 'the proxy says itself what it is',
    user_agent_version: 'the proxy says itself what it is',
    user_agent_build_version: 'the proxy says itself what it is',
  },
});

/** Flags about the node; empty where not given. */
export interface NodeFlags {
  serviceNode: string;
  serviceCluster: string;
  serviceZone: string;
}

/** The node with what flags say over it; undefined where neither says anything. */
export function nodeWithFlags(node: Node | undefined, flags: NodeFlags): Node | undefined {
  const { serviceNode, serviceCluster, serviceZone } = flags;
  if (serviceNode === '' && serviceCluster === '' && serviceZone === '') return node;
  const given = node ?? (create(messageType('envoy.config.core.v3.Node')) as unknown as Node);
  return {
    ...given,
    id: serviceNode || given.id,
    cluster: serviceCluster || given.cluster,
    ...(serviceZone === '' ? {} : { locality: withZone(given.locality, serviceZone) }),
  };
}

function withZone(locality: Locality | undefined, zone: string): Locality {
  const given = locality ?? (create(messageType('envoy.config.core.v3.Locality')) as unknown as Locality);
  return { ...given, zone };
}

export function readNode(node: Node | undefined, at: Place): NodeInfo {
  const locality = readLocality(node?.locality, at.field('locality'));
  if (node === undefined) return { id: '', cluster: '', metadata: {}, locality };
  check(node, at);
  return { id: node.id, cluster: node.cluster, metadata: (node.metadata ?? {}) as { [key: string]: Json }, locality };
}
