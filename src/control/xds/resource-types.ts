/**
 * The kinds of resources that xDS carries: their types, the services that serve each, and the order in which a change of several goes out,
 * so that whatever is named is there before it is used.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-types
 */

export interface ResourceType {
  /** As people call its discovery service: `CDS`. */
  short: string;
  typeUrl: string;
  /** The full name of its message. */
  message: string;
  /** The field of a resource that names it. */
  nameField: string;
  /** Its own discovery service, and the methods: `Stream`, `Delta` and `Fetch` with this behind. */
  service: string;
  method: string;
  /** Only by delta. */
  deltaOnly?: boolean;
  /** Clients ask by aliases, each when a request needs it; even one that asks for everything is told of nothing else. */
  byAlias?: boolean;
  /** The path of Fetch over REST; none where there is no such method. */
  restPath?: string;
  /** A client that names nothing wants all of them. */
  wildcard: boolean;
}

const PREFIX = 'type.googleapis.com/';

function type(
  short: string,
  message: string,
  nameField: string,
  service: string,
  method: string,
  more: Partial<ResourceType> = {},
): ResourceType {
  return { short, typeUrl: PREFIX + message, message, nameField, service, method, wildcard: false, ...more };
}

/** In the order in which changes are sent: clusters and their endpoints, secrets, listeners and their routes, what is asked for later. */
export const RESOURCE_TYPES: readonly ResourceType[] = [
  type(
    'CDS',
    'envoy.config.cluster.v3.Cluster',
    'name',
    'envoy.service.cluster.v3.ClusterDiscoveryService',
    'Clusters',
    {
      restPath: '/v3/discovery:clusters',
      wildcard: true,
    },
  ),
  type(
    'EDS',
    'envoy.config.endpoint.v3.ClusterLoadAssignment',
    'clusterName',
    'envoy.service.endpoint.v3.EndpointDiscoveryService',
    'Endpoints',
    { restPath: '/v3/discovery:endpoints' },
  ),
  type(
    'SDS',
    'envoy.extensions.transport_sockets.tls.v3.Secret',
    'name',
    'envoy.service.secret.v3.SecretDiscoveryService',
    'Secrets',
    { restPath: '/v3/discovery:secrets' },
  ),
  type(
    'ECDS',
    'envoy.config.core.v3.TypedExtensionConfig',
    'name',
    'envoy.service.extension.v3.ExtensionConfigDiscoveryService',
    'ExtensionConfigs',
    { restPath: '/v3/discovery:extension_configs' },
  ),
  type(
    'LDS',
    'envoy.config.listener.v3.Listener',
    'name',
    'envoy.service.listener.v3.ListenerDiscoveryService',
    'Listeners',
    { restPath: '/v3/discovery:listeners', wildcard: true },
  ),
  type(
    'SRDS',
    'envoy.config.route.v3.ScopedRouteConfiguration',
    'name',
    'envoy.service.route.v3.ScopedRoutesDiscoveryService',
    'ScopedRoutes',
    { restPath: '/v3/discovery:scoped-routes', wildcard: true },
  ),
  type(
    'RDS',
    'envoy.config.route.v3.RouteConfiguration',
    'name',
    'envoy.service.route.v3.RouteDiscoveryService',
    'Routes',
    { restPath: '/v3/discovery:routes' },
  ),
  type(
    'VHDS',
    'envoy.config.route.v3.VirtualHost',
    'name',
    'envoy.service.route.v3.VirtualHostDiscoveryService',
    'VirtualHosts',
    { deltaOnly: true, byAlias: true },
  ),
  type(
    'RTDS',
    'envoy.service.runtime.v3.Runtime',
    'name',
    'envoy.service.runtime.v3.RuntimeDiscoveryService',
    'Runtime',
    {
      restPath: '/v3/discovery:runtime',
    },
  ),
];

const byUrl = new Map(RESOURCE_TYPES.map((each) => [each.typeUrl, each]));

export function resourceTypeOf(typeUrl: string): ResourceType | undefined {
  return byUrl.get(typeUrl);
}
