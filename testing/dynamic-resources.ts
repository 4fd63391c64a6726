/**
 * Resources and bootstraps for tests of discovery: plain JSON that runs on ours and on real Envoy.
 */
import { httpListener, httpProtocolOptions, type Json, loadAssignment, virtualHost } from '#testing/bootstrap.ts';
import type { ManagementServer } from '#testing/management-server.ts';

/** How resources are fetched: one stream for all, or one for each. */
export type Transport = 'ads' | 'delta ads' | 'grpc' | 'delta grpc' | 'rest';

export function configSource(transport: Transport, more: Json = {}): Json {
  if (transport.endsWith('ads')) return { ads: {}, resource_api_version: 'V3', ...more };
  const api =
    transport === 'rest' ? { api_type: 'REST', cluster_names: ['xds'], refresh_delay: '0.05s' } : grpcApi(transport);
  return { api_config_source: { transport_api_version: 'V3', ...api }, ...more };
}

function grpcApi(transport: Transport): Json {
  const api_type = transport.startsWith('delta') ? 'DELTA_GRPC' : 'GRPC';
  return { api_type, grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] };
}

/** A bootstrap that fetches clusters and listeners from a server. */
export function dynamicBootstrap(
  server: Pick<ManagementServer, 'port' | 'restPort'>,
  transport: Transport,
  more: { source?: Json; ads?: Json; bootstrap?: Json } = {},
): Json {
  const source = configSource(transport, more.source);
  const ads = { transport_api_version: 'V3', ...grpcApi(transport), ...more.ads };
  return {
    node: { id: 'node-1', cluster: 'cluster-1' },
    dynamic_resources: {
      ...(transport.endsWith('ads') && { ads_config: ads }),
      cds_config: source,
      lds_config: source,
    },
    static_resources: { clusters: [managementCluster(server, transport)] },
    ...more.bootstrap,
  };
}

export function managementCluster({ port, restPort }: { port: number; restPort: number }, transport: Transport): Json {
  const rest = transport === 'rest';
  return {
    name: 'xds',
    type: 'STATIC',
    load_assignment: loadAssignment('xds', [rest ? restPort : port]),
    ...(!rest && httpProtocolOptions({ explicit_http_config: { http2_protocol_options: {} } })),
  };
}

/** A cluster whose members are fetched. */
export function edsCluster(name: string, transport: Transport, more: Json = {}): Json {
  return { name, type: 'EDS', eds_cluster_config: { eds_config: configSource(transport) }, ...more };
}

/** A listener whose routes are fetched. */
export function rdsListener(name: string, table: string, transport: Transport, more: Json = {}): Json {
  const manager = {
    stat_prefix: name,
    route_config: undefined,
    rds: { route_config_name: table, config_source: configSource(transport) },
  };
  return httpListener({ name, manager, listener: more });
}

/** A table in which each path's prefix has an answer of its own, or goes to a cluster. */
export function routeTable(name: string, routes: Json[], more: Json = {}): Json {
  return { name, virtual_hosts: [virtualHost('v', ['*'], routes)], ...more };
}

/** Answers with a text. */
export function says(text: string, prefix = '/'): Json {
  return { match: { prefix }, direct_response: { status: 200, body: { inline_string: text } } };
}
