/**
 * The bootstraps: one listener, one cluster, circuit breakers out of the way.
 */
import {
  bootstrap,
  http2Cluster,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
  virtualHost,
} from '#testing/bootstrap.ts';

const MANY = 100_000;

export interface Given {
  /** Fields of the connection manager. */
  manager?: Json;
  /** Fields of the filter chain. */
  chain?: Json;
}

export function plainBootstrap(backend: number, given: Given = {}): Json {
  const thresholds = [{ max_connections: MANY, max_pending_requests: MANY, max_requests: MANY }];
  return bootstrap([httpListener(given)], [staticCluster('c', [backend], { circuit_breakers: { thresholds } })]);
}

/** To a backend that speaks HTTP/2; streams may last. */
export function http2Bootstrap(backend: number): Json {
  const thresholds = [{ max_connections: MANY, max_pending_requests: MANY, max_requests: MANY }];
  const manager = routeConfig([routeTo('/', 'c', { timeout: '0s' })]);
  return bootstrap(
    [httpListener({ manager })],
    [http2Cluster('c', [backend], {}, { circuit_breakers: { thresholds } })],
  );
}

export function fileLog(path: string): Json {
  return { name: 'file', typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', { path }) };
}

export function tlsSocket(chain: string, key: string): Json {
  const certificate = { certificate_chain: { filename: chain }, private_key: { filename: key } };
  return {
    name: 'tls',
    typed_config: typed('extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: { tls_certificates: [certificate] },
    }),
  };
}

/** 1,000 virtual hosts of 10 routes each; the ones asked for are `host-N.test/route-N/`. */
export function manyRoutes(): Json {
  const hosts = Array.from({ length: 1000 }, (_, i) =>
    virtualHost(
      `h${i}`,
      [`host-${i}.test`],
      Array.from({ length: 10 }, (__, j) => routeTo(`/route-${j}/`, 'c')),
    ),
  );
  const table = routeConfig([]) as { route_config: Json };
  return { route_config: { ...table.route_config, virtual_hosts: hosts } };
}
