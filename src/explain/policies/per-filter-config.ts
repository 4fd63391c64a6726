/**
 * What routes and virtual hosts say to filters (`typed_per_filter_config`), kept as JSON in the metadata of each while the rest is read: who
 * reads route tables need not know these filters.
 * Follows envoy.config.route.v3.Route.typed_per_filter_config.
 */
import type { Metadata } from '#config/model/route.ts';
import { type DumpReader, isObject, type JsonObject } from '#dump/dump-reader.ts';
import { withoutFields } from '#explain/dump/without-fields.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';

const KEPT = 'fairlead.explain';

/** What no choice depends on, in whatever of them it stands. */
const ASIDE = [
  ...['@type', 'rate_limits', 'cors', 'virtual_clusters', 'cluster_specifier_plugins', 'max_grpc_timeout'],
  ...['grpc_timeout_offset', 'grpc_timeout_header_max', 'grpc_timeout_header_offset'],
  ...['retry_host_predicate', 'host_selection_retry_max_attempts', 'retry_priority', 'retry_options_predicates'],
];

/** @returns the route configuration with them moved; it itself is not changed. */
export function keepPerFilterConfig(table: JsonObject, reader: DumpReader): JsonObject {
  const hosts = reader.objects(table, 'virtual_hosts').map((host) => ({
    ...kept(host, reader),
    routes: reader.objects(host, 'routes').map((route) => {
      const action = reader.object(route, 'route');
      return { ...kept(route, reader), ...(action === undefined ? {} : { route: keptAction(action, reader) }) };
    }),
  }));
  const { virtual_hosts: _, virtualHosts: __, ...rest } = kept(table, reader);
  return { ...rest, virtual_hosts: hosts };
}

function keptAction(action: JsonObject, reader: DumpReader): JsonObject {
  const { retry_policy: _, retryPolicy: __, max_stream_duration: ___, maxStreamDuration: ____, ...rest } = action;
  const retries = reader.object(action, 'retry_policy');
  const duration = reader.object(action, 'max_stream_duration');
  return {
    ...withoutFields(rest, ASIDE),
    ...(retries === undefined ? {} : { retry_policy: withoutFields(retries, ASIDE) }),
    ...(duration === undefined ? {} : { max_stream_duration: withoutFields(duration, ASIDE) }),
  };
}

function kept(json: JsonObject, reader: DumpReader): JsonObject {
  const { typed_per_filter_config: snake, typedPerFilterConfig: camel, ...rest } = withoutFields(json, ASIDE);
  const given = snake ?? camel;
  if (!isObject(given)) return rest;
  const metadata = reader.object(json, 'metadata');
  const byFilter = reader.object(metadata, 'filter_metadata') ?? {};
  return { ...rest, metadata: { filter_metadata: { ...byFilter, [KEPT]: given } } };
}

export type PolicyLevel = 'route' | 'virtual host' | 'route table' | 'listener';

/** The nearest configuration of the filter for the route, and where it stands; undefined: the listener's own holds. */
export function perRouteConfig(
  route: CompiledRoute | undefined,
  name: string,
): { config: JsonObject; level: PolicyLevel } | undefined {
  if (route === undefined) return undefined;
  const levels: [PolicyLevel, Metadata][] = [
    ['route', route.config.metadata],
    ['virtual host', route.virtualHost.config.metadata],
    ['route table', route.virtualHost.table.config.metadata],
  ];
  for (const [level, metadata] of levels) {
    const held = Object.hasOwn(metadata, KEPT) ? metadata[KEPT] : undefined;
    const config = held !== undefined && Object.hasOwn(held, name) ? held[name] : undefined;
    if (isObject(config)) return { config, level };
  }
  return undefined;
}
