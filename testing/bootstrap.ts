/**
 * Builds Envoy bootstraps for tests: plain JSON with Envoy's names, so that the same object runs on ours and on real Envoy.
 * Every builder takes `more`, merged over what it makes, for what a test is about.
 */

/** Any JSON object. */
export type Json = { [key: string]: unknown };

const TYPE = 'type.googleapis.com/envoy';

/** A typed config: `typed('extensions.filters.http.router.v3.Router')`. */
export function typed(type: string, fields: Json = {}): Json {
  return { '@type': `${TYPE}.${type}`, ...fields };
}

export function socketAddress(port: number, address = '127.0.0.1'): Json {
  return { socket_address: { address, port_value: port } };
}

export function bootstrap(listeners: Json[], clusters: Json[] = [], more: Json = {}): Json {
  const { static_resources: resources, ...rest } = more as { static_resources?: Json };
  return { static_resources: { listeners, clusters, ...resources }, ...rest };
}

/** A listener `in` that sends everything to cluster `c`, which has the one endpoint. */
export function oneCluster(port: number, manager: Json = {}, cluster: Json = {}): Json {
  return bootstrap([httpListener({ manager })], [staticCluster('c', [port], cluster)]);
}

/** A listener `in` with these routes in one virtual host for every domain. */
export function withRoutes(routes: Json[], clusters: Json[], manager: Json = {}): Json {
  return bootstrap([httpListener({ manager: { ...routeConfig(routes), ...manager } })], clusters);
}

export interface HttpListener {
  name?: string;
  port?: number;
  manager?: Json;
  /** Fields of the listener. */
  listener?: Json;
  /** Fields of its filter chain, such as `transport_socket`. */
  chain?: Json;
}

/** A listener with one filter chain of one HTTP connection manager. */
export function httpListener(given: HttpListener = {}): Json {
  return {
    name: given.name ?? 'in',
    address: socketAddress(given.port ?? 0),
    filter_chains: [{ filters: [connectionManager(given.manager)], ...given.chain }],
    ...given.listener,
  };
}

/** The network filter; everything goes to cluster `c` unless `more` has a route_config. */
export function connectionManager(more: Json = {}): Json {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: 'in',
      ...routeConfig([routeTo('/', 'c')]),
      http_filters: [routerFilter()],
      ...more,
    }),
  };
}

export function routerFilter(fields: Json = {}): Json {
  return { name: 'envoy.filters.http.router', typed_config: typed('extensions.filters.http.router.v3.Router', fields) };
}

/** `route_config` with one virtual host for every domain. */
export function routeConfig(routes: Json[], host: Json = {}, table: Json = {}): Json {
  return { route_config: { name: 'r', virtual_hosts: [virtualHost('v', ['*'], routes, host)], ...table } };
}

export function virtualHost(name: string, domains: string[], routes: Json[], more: Json = {}): Json {
  return { name, domains, routes, ...more };
}

/** A route by prefix to a cluster; `action` is merged into its `route`. */
export function routeTo(prefix: string, cluster: string, action: Json = {}, more: Json = {}): Json {
  return { match: { prefix }, route: { cluster, ...action }, ...more };
}

/** A route by any match to a direct response with its name as the body. */
export function answering(name: string, match: Json, more: Json = {}): Json {
  return { name, match, direct_response: { status: 200, body: { inline_string: name } }, ...more };
}

/** A STATIC cluster with endpoints of the loopback. */
export function staticCluster(name: string, ports: number[], more: Json = {}): Json {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: loadAssignment(name, ports),
    ...more,
  };
}

export function loadAssignment(cluster: string, ports: number[], address = '127.0.0.1'): Json {
  return {
    cluster_name: cluster,
    endpoints:
      ports.length === 0
        ? []
        : [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port, address) } })) }],
  };
}

/** `transport_socket` of a filter chain. */
export function downstreamTls(common: Json, more: Json = {}): Json {
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: typed('extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
        common_tls_context: common,
        ...more,
      }),
    },
  };
}

/** `transport_socket` of a cluster. */
export function upstreamTls(common: Json, more: Json = {}): Json {
  return {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: typed('extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
        common_tls_context: common,
        ...more,
      }),
    },
  };
}

/** A file access log with a text format, one line an entry. */
export function fileAccessLog(path: string, format: string, formatters: Json[] = []): Json {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', {
      path,
      log_format: { text_format_source: { inline_string: `${format}\n` }, formatters },
    }),
  };
}

/** `typed_extension_protocol_options` of a cluster with HttpProtocolOptions. */
export function httpProtocolOptions(fields: Json): Json {
  return {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
        'extensions.upstreams.http.v3.HttpProtocolOptions',
        {
          explicit_http_config: { http_protocol_options: {} },
          ...fields,
        },
      ),
    },
  };
}

/** The same for a cluster that speaks HTTP/2. */
export function http2Cluster(name: string, ports: number[], http2: Json = {}, more: Json = {}): Json {
  const options = { explicit_http_config: { http2_protocol_options: http2 }, ...(more.http as Json | undefined) };
  const { http: _http, ...cluster } = more;
  return staticCluster(name, ports, { ...httpProtocolOptions(options), ...cluster });
}
