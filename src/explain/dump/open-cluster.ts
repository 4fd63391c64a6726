/**
 * A dump's cluster, read when a route names it, with the endpoints that came by EDS and the health that the proxy sees.
 * Follows envoy.config.cluster.v3.Cluster and envoy.admin.v3.HostStatus.
 */

import { addressText } from '#config/model/address.ts';
import type { ClusterConfig, Endpoint, HealthStatus } from '#config/model/cluster.ts';
import type { UpstreamTransport } from '#config/model/tls.ts';
import { readCluster } from '#config/read/cluster.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readLoadAssignment } from '#config/read/endpoint.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { Cluster } from '#envoy/config/cluster/v3/cluster_pb.js';
import type { ClusterLoadAssignment } from '#envoy/config/endpoint/v3/endpoint_pb.js';
import { readLeniently } from '#explain/dump/read-leniently.ts';
import { withoutFields } from '#explain/dump/without-fields.ts';

/** What no choice of ours depends on, or what is told otherwise. */
const ASIDE = [
  ...['transport_socket', 'transport_socket_matches', 'health_checks', 'outlier_detection', 'filters', 'type'],
  ...['eds_cluster_config', 'lb_policy', 'ring_hash_lb_config', 'maglev_lb_config', 'original_dst_lb_config'],
  ...['upstream_bind_config', 'cluster_type', 'lrs_server', 'lb_subset_config'],
  ...['load_assignment', 'dns_resolvers', 'typed_dns_resolver_config'],
];

export interface ClusterSources {
  reader: DumpReader;
  context: ReadContext;
  /** The assignment for that name of EDS. */
  assignment(serviceName: string): JsonObject | undefined;
  /** Health by address, as the proxy sees it; undefined where nobody was asked. */
  health(cluster: string): ReadonlyMap<string, HealthStatus> | undefined;
  note(what: string): void;
}

export function openCluster(json: JsonObject, sources: ClusterSources): ClusterConfig | undefined {
  const { reader, context, note } = sources;
  const rest = withoutFields(json, ASIDE);
  const cluster = readLeniently<Cluster, ClusterConfig>(
    'envoy.config.cluster.v3.Cluster',
    rest,
    (message, at) => readCluster(message, at, context),
    note,
  );
  if (cluster === undefined) return undefined;
  const kind = typeOf(json, reader);
  const assignment = assignmentOf(json, kind, sources);
  return {
    ...cluster,
    discovery: { kind, ...partsOf(json, kind, reader) } as ClusterConfig['discovery'],
    ...(assignment === undefined ? {} : { loadAssignment: withHealth(assignment, sources.health(cluster.name)) }),
    ...(reader.has(json, 'load_balancing_policy')
      ? {}
      : { lbPolicy: (reader.text(json, 'lb_policy') || 'ROUND_ROBIN') as ClusterConfig['lbPolicy'] }),
    transport: transportOf(json, reader),
  };
}

function typeOf(json: JsonObject, reader: DumpReader): string {
  const custom = reader.object(json, 'cluster_type');
  const dns = reader.object(custom, 'typed_config');
  if (reader.text(dns, '@type').endsWith('.dns.v3.DnsCluster'))
    return reader.flag(dns, 'all_addresses_in_single_endpoint') ? 'LOGICAL_DNS' : 'STRICT_DNS';
  if (custom !== undefined)
    return reader
      .text(custom, 'name')
      .replace(/^envoy\.clusters?\./, '')
      .toUpperCase();
  return reader.text(json, 'type') || 'STATIC';
}

/** The clusters of an aggregate. */
function partsOf(json: JsonObject, kind: string, reader: DumpReader): { clusters?: string[] } {
  if (kind !== 'AGGREGATE') return {};
  const typed = reader.object(reader.object(json, 'cluster_type'), 'typed_config');
  return { clusters: reader.texts(typed, 'clusters') };
}

function assignmentOf(json: JsonObject, kind: string, sources: ClusterSources): ClusterConfig['loadAssignment'] {
  const { reader, note } = sources;
  const name = reader.text(json, 'name');
  const serviceName = reader.text(reader.object(json, 'eds_cluster_config'), 'service_name') || name;
  const given = kind === 'EDS' ? sources.assignment(serviceName) : reader.object(json, 'load_assignment');
  if (given === undefined) {
    if (kind === 'EDS') note(`the endpoints of '${serviceName}' are not in the dump (was it made with ?include_eds?)`);
    return undefined;
  }
  return readLeniently<ClusterLoadAssignment, ClusterConfig['loadAssignment']>(
    'envoy.config.endpoint.v3.ClusterLoadAssignment',
    given,
    (message, at) => readLoadAssignment(message, at, 'name'),
    note,
  );
}

function withHealth(
  assignment: NonNullable<ClusterConfig['loadAssignment']>,
  seen: ReadonlyMap<string, HealthStatus> | undefined,
): NonNullable<ClusterConfig['loadAssignment']> {
  if (seen === undefined) return assignment;
  const judged = (endpoint: Endpoint): Endpoint => {
    const healthStatus = seen.get(addressText(endpoint.address));
    return healthStatus === undefined ? endpoint : { ...endpoint, healthStatus };
  };
  const endpoints = assignment.endpoints.map((locality) => ({
    ...locality,
    endpoints: locality.endpoints.map(judged),
  }));
  return { ...assignment, endpoints };
}

/** TLS where the cluster has it, or for hosts with a certificate of the mesh; keys are not needed to tell. */
function transportOf(json: JsonObject, reader: DumpReader): UpstreamTransport {
  const ofMesh = reader
    .objects(json, 'transport_socket_matches')
    .find((match) => reader.text(reader.object(match, 'match'), 'tlsMode') === 'istio');
  const socket = reader.object(ofMesh ?? json, 'transport_socket');
  const config = reader.object(socket, 'typed_config');
  if (!reader.text(config, '@type').endsWith('.tls.v3.UpstreamTlsContext')) return { kind: 'raw_buffer' };
  return {
    kind: 'tls',
    tls: {
      certificates: [],
      alpnProtocols: reader.texts(reader.object(config, 'common_tls_context'), 'alpn_protocols'),
      cipherSuites: [],
      ecdhCurves: [],
      signatureAlgorithms: [],
      sni: reader.text(config, 'sni'),
      autoHostSni: reader.flag(config, 'auto_host_sni'),
      autoSniSanValidation: false,
      allowRenegotiation: false,
      maxSessionKeys: 1,
    },
  };
}
