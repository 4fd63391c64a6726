/**
 * The endpoints of a cluster, by locality and priority.
 * Follows envoy.config.endpoint.v3.ClusterLoadAssignment.
 */
import { type Place, PlacedError } from '#api/place.ts';
import type { Address } from '#config/model/address.ts';
import type { Endpoint, HealthStatus, LoadAssignment, Locality, LocalityEndpoints } from '#config/model/cluster.ts';
import { type HostKind, readAddress } from '#config/read/address.ts';
import { milliseconds } from '#config/read/duration.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { Locality as LocalityMessage } from '#envoy/config/core/v3/base_pb.js';
import type {
  Endpoint_AdditionalAddress,
  Endpoint as EndpointMessage,
  LbEndpoint,
  LocalityLbEndpoints,
} from '#envoy/config/endpoint/v3/endpoint_components_pb.js';
import type {
  ClusterLoadAssignment,
  ClusterLoadAssignment_Policy,
  ClusterLoadAssignment_Policy_DropOverload,
} from '#envoy/config/endpoint/v3/endpoint_pb.js';

const ASSIGNMENT = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
const checkAssignment = honours(ASSIGNMENT, ['cluster_name', 'endpoints', 'policy']);
const checkPolicy = honours(`${ASSIGNMENT}.Policy`, [
  'drop_overloads',
  'overprovisioning_factor',
  'weighted_priority_health',
  'endpoint_stale_after',
]);
const checkDrop = honours(`${ASSIGNMENT}.Policy.DropOverload`, ['category', 'drop_percentage']);
const checkLocalityEndpoints = honours(
  'envoy.config.endpoint.v3.LocalityLbEndpoints',
  ['locality', 'lb_endpoints', 'load_balancing_weight', 'priority'],
  {
    withoutEffect: { proximity: 'Envoy does not use it either' },
    refused: {
      load_balancer_endpoints: 'write lb_endpoints',
      leds_cluster_locality_config: 'LEDS is only supported when EDS is used',
    },
  },
);
const checkLbEndpoint = honours('envoy.config.endpoint.v3.LbEndpoint', [
  'endpoint',
  'health_status',
  'metadata',
  'load_balancing_weight',
]);
const checkEndpoint = honours('envoy.config.endpoint.v3.Endpoint', ['address', 'hostname', 'additional_addresses'], {
  withoutEffect: { health_check_config: 'health checks come later; a cluster that asks for them is refused' },
});
const checkAdditional = honours('envoy.config.endpoint.v3.Endpoint.AdditionalAddress', ['address']);
const checkLocality = honours('envoy.config.core.v3.Locality', ['region', 'zone', 'sub_zone']);

const HEALTH: readonly HealthStatus[] = ['UNKNOWN', 'HEALTHY', 'UNHEALTHY', 'DRAINING', 'TIMEOUT', 'DEGRADED'];
const NO_LOCALITY: Locality = { region: '', zone: '', subZone: '' };
const DENOMINATORS = [100, 10_000, 1_000_000];
const DEFAULT_OVERPROVISIONING = 140;

/** @param host what endpoints may be: addresses, or also names for DNS to resolve. */
export function readLoadAssignment(message: ClusterLoadAssignment, at: Place, host: HostKind): LoadAssignment {
  checkAssignment(message, at);
  return {
    clusterName: message.clusterName,
    endpoints: readAll(message.endpoints, at.field('endpoints'), (locality, place) =>
      readLocalityEndpoints(locality, place, host),
    ),
    ...readPolicy(message.policy, at.field('policy')),
  };
}

type Policy = Omit<LoadAssignment, 'clusterName' | 'endpoints'>;

function readPolicy(message: ClusterLoadAssignment_Policy | undefined, at: Place): Policy {
  if (message === undefined) {
    return { overprovisioningFactor: DEFAULT_OVERPROVISIONING, weightedPriorityHealth: false, dropOverloads: [] };
  }
  checkPolicy(message, at);
  const drops = message.dropOverloads;
  if (drops.length > 1) {
    const words = `Cluster drop_overloads config has ${drops.length} categories. Envoy only support one.`;
    at.field('drop_overloads').report(words);
  }
  return {
    overprovisioningFactor: message.overprovisioningFactor ?? DEFAULT_OVERPROVISIONING,
    weightedPriorityHealth: message.weightedPriorityHealth,
    dropOverloads: readAll(drops, at.field('drop_overloads'), readDropOverload),
    ...(message.endpointStaleAfter === undefined
      ? {}
      : { staleAfter: Math.trunc(milliseconds(message.endpointStaleAfter)) }),
  };
}

function readDropOverload(message: ClusterLoadAssignment_Policy_DropOverload, at: Place) {
  checkDrop(message, at);
  const { numerator = 0, denominator: unit = 0 } = message.dropPercentage ?? {};
  const denominator = DENOMINATORS[unit] ?? 100;
  const ratio = numerator / denominator;
  if (ratio > 1) {
    const words = `drop_ratio=${ratio}(Numerator ${numerator} / Denominator ${denominator}). The valid range is 0~1.`;
    at.field('drop_percentage').report(`Cluster drop_overloads config is invalid. ${words}`);
  }
  return { category: message.category, numerator, denominator };
}

function readLocalityEndpoints(message: LocalityLbEndpoints, at: Place, host: HostKind): LocalityEndpoints {
  checkLocalityEndpoints(message, at);
  const weight = message.loadBalancingWeight;
  return {
    locality: readLocality(message.locality, at.field('locality')),
    priority: message.priority,
    ...(weight === undefined ? {} : { weight }),
    endpoints: readAll(message.lbEndpoints, at.field('lb_endpoints'), (endpoint, place) =>
      readLbEndpoint(endpoint, place, host),
    ),
  };
}

export function readLocality(message: LocalityMessage | undefined, at: Place): Locality {
  if (message === undefined) return NO_LOCALITY;
  checkLocality(message, at);
  return { region: message.region, zone: message.zone, subZone: message.subZone };
}

function readLbEndpoint(message: LbEndpoint, at: Place, host: HostKind): Endpoint {
  checkLbEndpoint(message, at);
  const { hostIdentifier } = message;
  if (hostIdentifier.case !== 'endpoint') throw at.field('endpoint').problem('Address must be set');
  const endpoint = hostIdentifier.value;
  const place = at.field('endpoint');
  checkEndpoint(endpoint, place);
  const address = readEndpointAddress(endpoint, place, host);
  return {
    address,
    additionalAddresses: readAll(endpoint.additionalAddresses, place.field('additional_addresses'), (extra, i) => {
      checkAdditional(extra, i);
      return readAdditionalAddress(extra, i.field('address'), address, host);
    }),
    hostname: endpoint.hostname,
    healthStatus: HEALTH[message.healthStatus] ?? 'UNKNOWN',
    weight: message.loadBalancingWeight ?? 1,
    metadata: readMetadata(message.metadata, at.field('metadata')),
  };
}

/** Attempts to connect go to one port. By DNS, what a host's name resolves to are its addresses; Envoy ignores others. */
function readAdditionalAddress(
  { address: message }: Endpoint_AdditionalAddress,
  at: Place,
  first: Address,
  host: HostKind,
): Address {
  if (host === 'name') throw at.problem('additional addresses are for STATIC clusters: here they come from DNS');
  const address = readAddress(message, at, host);
  if (address.kind !== 'ip' || first.kind !== 'ip' || address.port !== first.port) {
    throw at.problem('an additional address is an IP address with the port of the first address');
  }
  return address;
}

/** What is wrong with an address may be that the cluster is of the wrong type; Envoy says so, and so do we. */
function readEndpointAddress(endpoint: EndpointMessage, at: Place, host: HostKind) {
  const place = at.field('address');
  if (endpoint.address === undefined) throw place.problem('Address must be set');
  try {
    const address = readAddress(endpoint.address, place, host);
    if (address.kind === 'pipe' && host === 'name')
      throw place.problem('DNS finds no unix sockets: the cluster must be STATIC');
    return address;
  } catch (error) {
    if (host === 'ip' && error instanceof PlacedError && error.problem.message.startsWith('malformed IP address')) {
      error.problem.hint = "consider setting resolver_name or setting cluster type to 'STRICT_DNS' or 'LOGICAL_DNS'";
    }
    throw error;
  }
}
