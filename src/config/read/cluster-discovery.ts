/**
 * How the hosts of a cluster are found, and those that its configuration names.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import { create } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import { messageType } from '#api/registry.ts';
import type { ClusterConfig } from '#config/model/cluster.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDnsCluster, readDnsOptions, SYSTEM_RESOLVER } from '#config/read/dns.ts';
import {
  AGGREGATE,
  DYNAMIC_FORWARD_PROXY,
  readAggregate,
  readDynamicForwardProxy,
} from '#config/read/dynamic-forward-proxy.ts';
import { readLoadAssignment } from '#config/read/endpoint.ts';
import { extensionMessage, unsupportedExtension } from '#config/read/extensions.ts';
import { readOriginalDst, readOriginalDstCluster } from '#config/read/original-dst.ts';
import { REDIS_CLUSTER, readRedisCluster } from '#config/read/redis-cluster.ts';
import { honours } from '#config/read/support.ts';
import type { Cluster, Cluster_CustomClusterType } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '#envoy/config/endpoint/v3/endpoint_pb.js';
import type { ClusterConfig as Aggregate } from '#envoy/extensions/clusters/aggregate/v3/cluster_pb.js';
import type { DnsCluster } from '#envoy/extensions/clusters/dns/v3/dns_cluster_pb.js';
import type { ClusterConfig as ForwardProxy } from '#envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster_pb.js';
import type { OriginalDstCluster } from '#envoy/extensions/clusters/original_dst/v3/original_dst_pb.js';
import type { RedisClusterConfig } from '#envoy/extensions/clusters/redis/v3/redis_cluster_pb.js';

type Discovery = ClusterConfig['discovery'];

const checkCustomType = honours('envoy.config.cluster.v3.Cluster.CustomClusterType', ['name', 'typed_config']);

const checkEds = honours('envoy.config.cluster.v3.Cluster.EdsClusterConfig', ['eds_config', 'service_name']);

const CLUSTERS = 'envoy.extensions.clusters.';
const DNS_CLUSTER = `${CLUSTERS}dns.v3.DnsCluster`;
const ORIGINAL_DST = `${CLUSTERS}original_dst.v3.OriginalDstCluster`;
/** By number of Cluster.DiscoveryType. */
const TYPES = ['STATIC', 'STRICT_DNS', 'LOGICAL_DNS', 'EDS', 'ORIGINAL_DST'] as const;
/** The same by the names of Envoy's extensions. */
const NAMED_TYPES: Readonly<Record<string, (typeof TYPES)[number]>> = {
  'envoy.cluster.static': 'STATIC',
  'envoy.cluster.strict_dns': 'STRICT_DNS',
  'envoy.cluster.logical_dns': 'LOGICAL_DNS',
  'envoy.cluster.eds': 'EDS',
  'envoy.cluster.original_dst': 'ORIGINAL_DST',
};
const DNS_CLUSTER_NAME = 'envoy.cluster.dns';
/** Configurations that say nothing of the type: its name does. */
const UNTYPED = ['google.protobuf.Struct', 'google.protobuf.Empty'];
const NOT_FOUND = "Didn't find a registered cluster factory implementation for";
/** @throws PlacedError for a type that we do not have. */
export function readDiscovery(message: Cluster, at: Place, context: ReadContext): Discovery {
  const { clusterDiscoveryType: chosen } = message;
  if (chosen.case === 'clusterType') return readCustomType(message, chosen.value, at, context);
  return readBuiltIn(message, TYPES[chosen.value ?? 0] ?? 'STATIC', at, context);
}

function readBuiltIn(message: Cluster, type: (typeof TYPES)[number], at: Place, context: ReadContext): Discovery {
  switch (type) {
    case 'STATIC':
      return { kind: 'STATIC' };
    case 'STRICT_DNS':
    case 'LOGICAL_DNS':
      return { kind: type, dns: readDnsOptions(message, at, context.dnsResolver ?? SYSTEM_RESOLVER, context) };
    case 'EDS':
      return readEds(message, at, context);
    case 'ORIGINAL_DST':
      return readOriginalDst(message, at);
  }
}

function readEds({ name, edsClusterConfig }: Cluster, at: Place, context: ReadContext): Discovery {
  const place = at.field('eds_cluster_config');
  if (edsClusterConfig === undefined) throw at.problem('cannot create an EDS cluster without an EDS config');
  checkEds(edsClusterConfig, place);
  const { edsConfig, serviceName } = edsClusterConfig;
  if (edsConfig === undefined) throw place.field('eds_config').missing();
  const source = readConfigSource(edsConfig, place.field('eds_config'), context);
  return { kind: 'EDS', serviceName: serviceName || name, source };
}

/** The type is found by the message of its configuration, else by its name. */
function readCustomType(
  message: Cluster,
  type: Cluster_CustomClusterType,
  cluster: Place,
  context: ReadContext,
): Discovery {
  const at = cluster.field('cluster_type');
  checkCustomType(type, at);
  const { name, typedConfig } = type;
  const place = at.field('typed_config');
  const resolver = context.dnsResolver ?? SYSTEM_RESOLVER;
  if (typedConfig !== undefined) {
    const { typeName, message: config } = extensionMessage(typedConfig, name, place, context);
    switch (typeName) {
      case DNS_CLUSTER:
        return readDnsCluster(config as DnsCluster, place, resolver, context);
      case ORIGINAL_DST:
        return readOriginalDstCluster(message, config as OriginalDstCluster, place);
      case DYNAMIC_FORWARD_PROXY:
        return readDynamicForwardProxy(config as ForwardProxy, place, context);
      case AGGREGATE:
        return readAggregate(config as Aggregate, place);
      case REDIS_CLUSTER:
        return readRedisCluster(message, config as RedisClusterConfig, place, cluster, context);
    }
    if (typeName.startsWith(CLUSTERS)) throw unsupportedExtension(name, typeName, 'cluster type', place);
    if (!UNTYPED.includes(typeName)) throw place.problem(`${NOT_FOUND} type: '${typeName}'`);
  }
  if (name === DNS_CLUSTER_NAME) {
    return readDnsCluster(create(messageType(DNS_CLUSTER)) as DnsCluster, place, resolver, context);
  }
  const builtIn = NAMED_TYPES[name];
  if (builtIn === undefined) throw at.field('name').problem(`${NOT_FOUND} name: '${name}'`);
  return readBuiltIn(message, builtIn, cluster, context);
}

/** The hosts that the configuration names; by DNS also by name. */
export function readMembers(
  { loadAssignment: assignment }: Cluster,
  { kind }: Discovery,
  at: Place,
): Pick<ClusterConfig, 'loadAssignment'> {
  const place = at.field('load_assignment');
  if (kind === 'EDS' && assignment !== undefined)
    place.report('load_assignment is for clusters of other types than EDS');
  if (kind === 'ORIGINAL_DST' && assignment !== undefined) {
    place.report('ORIGINAL_DST clusters must have no load assignment configured');
  }
  if (kind === 'LOGICAL_DNS') checkSingleHost(assignment, at, place);
  if (assignment === undefined) return {};
  if (assignment.policy?.endpointStaleAfter !== undefined) {
    const words = 'has no effect on endpoints that stand in the configuration of a cluster';
    place.field('policy').field('endpoint_stale_after').warn(`field 'endpoint_stale_after' ${words}`);
  }
  return { loadAssignment: readLoadAssignment(assignment, place, kind === 'STATIC' ? 'ip' : 'name') };
}

function checkSingleHost(assignment: ClusterLoadAssignment | undefined, at: Place, place: Place): void {
  if (assignment === undefined) {
    at.report('LOGICAL_DNS clusters must have a single host');
  } else if (assignment.endpoints.length !== 1 || assignment.endpoints[0].lbEndpoints.length !== 1) {
    place.report('LOGICAL_DNS clusters must have a single locality_lb_endpoint and a single lb_endpoint');
  }
}
