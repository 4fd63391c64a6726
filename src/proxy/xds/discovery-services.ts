/**
 * Where each type of resources is asked for: gRPC methods, and paths of REST.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/xds_api
 */

interface DiscoveryService {
  /** `package.Service`, below `envoy.service`. */
  service: string;
  /** What follows `Stream` and `Delta`. */
  method: string;
  /** `/v3/discovery:<path>`. */
  rest: string;
}

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
const SERVICES: Readonly<Record<string, DiscoveryService>> = {
  'envoy.config.cluster.v3.Cluster': {
    service: 'cluster.v3.ClusterDiscoveryService',
    method: 'Clusters',
    rest: 'clusters',
  },
  'envoy.config.listener.v3.Listener': {
    service: 'listener.v3.ListenerDiscoveryService',
    method: 'Listeners',
    rest: 'listeners',
  },
  'envoy.config.route.v3.RouteConfiguration': {
    service: 'route.v3.RouteDiscoveryService',
    method: 'Routes',
    rest: 'routes',
  },
  'envoy.config.route.v3.ScopedRouteConfiguration': {
    service: 'route.v3.ScopedRoutesDiscoveryService',
    method: 'ScopedRoutes',
    rest: 'scoped-routes',
  },
  'envoy.config.route.v3.VirtualHost': {
    service: 'route.v3.VirtualHostDiscoveryService',
    method: 'VirtualHosts',
    rest: '',
  },
  'envoy.config.endpoint.v3.ClusterLoadAssignment': {
    service: 'endpoint.v3.EndpointDiscoveryService',
    method: 'Endpoints',
    rest: 'endpoints',
  },
  'envoy.extensions.transport_sockets.tls.v3.Secret': {
    service: 'secret.v3.SecretDiscoveryService',
    method: 'Secrets',
    rest: 'secrets',
  },
  'envoy.service.runtime.v3.Runtime': {
    service: 'runtime.v3.RuntimeDiscoveryService',
    method: 'Runtime',
    rest: 'runtime',
  },
  'envoy.config.core.v3.TypedExtensionConfig': {
    service: 'extension.v3.ExtensionConfigDiscoveryService',
    method: 'ExtensionConfigs',
    rest: 'extension_configs',
  },
};

/** @param typeName undefined: all types over one stream. */
export function grpcMethod(typeName: string | undefined, variant: 'sotw' | 'delta'): string {
  if (typeName === undefined) return `${ADS}/${variant === 'delta' ? 'Delta' : 'Stream'}AggregatedResources`;
  const { service, method } = serviceOf(typeName);
  return `/envoy.service.${service}/${variant === 'delta' ? 'Delta' : 'Stream'}${method}`;
}

export function restPath(typeName: string): string {
  return `/v3/discovery:${serviceOf(typeName).rest}`;
}

function serviceOf(typeName: string): DiscoveryService {
  const found = SERVICES[typeName];
  if (found === undefined) throw new Error(`no discovery service is for ${typeName}`);
  return found;
}
