/**
 * Route tables: virtual hosts by their domains. Follows envoy.config.route.v3.RouteConfiguration.
 */
import type { Place } from '#api/place.ts';
import type { ConfigSource } from '#config/model/config-source.ts';
import type { RouteTable, VirtualHost } from '#config/model/route.ts';
import { isDelta, readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { HEADER_MUTATION_FIELDS, readHeaderMutations } from '#config/read/header-mutation.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readMirrorPolicies } from '#config/read/mirror-policy.ts';
import { readPerFilterConfig } from '#config/read/per-filter-config.ts';
import { readAll } from '#config/read/read-all.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { honours } from '#config/read/support.ts';
import { readVirtualHost } from '#config/read/virtual-host.ts';
import type { RouteConfiguration, Vhds } from '#envoy/config/route/v3/route_pb.js';

const check = honours(
  'envoy.config.route.v3.RouteConfiguration',
  [
    'name',
    'virtual_hosts',
    'vhds',
    'internal_only_headers',
    ...HEADER_MUTATION_FIELDS,
    'most_specific_header_mutations_wins',
    'validate_clusters',
    'max_direct_response_body_size_bytes',
    'request_mirror_policies',
    'ignore_port_in_host_matching',
    'vhost_header',
    'ignore_path_parameters_in_path_matching',
    'typed_per_filter_config',
    'metadata',
  ],
  {
    refused: {
      cluster_specifier_plugins: 'no such extension runs here yet',
      route_specifiers: 'no such extension runs here yet',
    },
  },
);

const checkVhds = honours('envoy.config.route.v3.Vhds', ['config_source']);

const DEFAULT_BODY_LIMIT = 4096;

/** @param checksClusters where the table does not say whether its clusters must be there: those that are discovered need not wait for them */
export function readRouteTable(
  message: RouteConfiguration,
  at: Place,
  context: ReadContext,
  checksClusters = true,
): RouteTable {
  const inside = routeContext(message, context, checksClusters);
  checkDomains(message, at.field('virtual_hosts'));
  return {
    ...readTableAlone(message, at, inside),
    virtualHosts: readAll(message.virtualHosts, at.field('virtual_hosts'), (host, place) =>
      readVirtualHost(host, place, inside),
    ),
  };
}

/** What the virtual hosts of a table need to know of it. */
export function routeContext(
  { validateClusters, maxDirectResponseBodySizeBytes = DEFAULT_BODY_LIMIT }: RouteConfiguration,
  context: ReadContext,
  checksClusters: boolean,
): RouteContext {
  const clusterNames = (validateClusters ?? checksClusters) ? context.clusterNames : undefined;
  return { ...context, clusterNames, maxDirectResponseBodySizeBytes };
}

/** The table without its virtual hosts. */
export function readTableAlone(
  message: RouteConfiguration,
  at: Place,
  inside: RouteContext,
): Omit<RouteTable, 'virtualHosts'> {
  check(message, at);
  return {
    name: message.name,
    internalOnlyHeaders: message.internalOnlyHeaders.map((name) => name.toLowerCase()),
    headers: readHeaderMutations(message, at),
    mostSpecificHeaderMutationsWins: message.mostSpecificHeaderMutationsWins,
    maxDirectResponseBodySizeBytes: inside.maxDirectResponseBodySizeBytes,
    ignorePortInHostMatching: message.ignorePortInHostMatching,
    ignorePathParametersInPathMatching: message.ignorePathParametersInPathMatching,
    vhostHeader: readHeaderName(message.vhostHeader, at.field('vhost_header')),
    requestMirrorPolicies: readMirrorPolicies(message.requestMirrorPolicies, at.field('request_mirror_policies'), {
      ...inside,
      clusterNames: undefined,
    }),
    perFilterConfig: readPerFilterConfig(message.typedPerFilterConfig, at.field('typed_per_filter_config'), inside),
    metadata: readMetadata(message.metadata, at.field('metadata')),
    ...(message.vhds === undefined ? {} : { vhds: readVhds(message.vhds, at.field('vhds'), inside) }),
  };
}

/** Aliases, by which virtual hosts are asked for, are of the delta protocol alone. */
function readVhds(message: Vhds, at: Place, context: ReadContext): ConfigSource {
  checkVhds(message, at);
  const { configSource } = message;
  const place = at.field('config_source');
  if (configSource === undefined) throw place.missing();
  const { configSourceSpecifier: from } = configSource;
  if (from.case !== 'ads' && !(from.case === 'apiConfigSource' && isDelta(from.value))) {
    const words = "vhds: only 'DELTA_GRPC' or 'ADS' (which uses Delta xDS) is supported as a config source.";
    throw place.problem(words);
  }
  if (from.case === 'ads' && context.ads === 'GRPC') {
    throw place.problem('vhds: ADS must use DELTA_GRPC api_type when used as VHDS config source.');
  }
  return readConfigSource(configSource, place, context);
}

/** Envoy's rule for this name, which the API of our version does not state. */
function readHeaderName(name: string, at: Place): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about.
  if (/[\x00\n\r]/.test(name)) throw at.problem('value does not match regex pattern "^[^\\x00\\n\\r]*$"');
  return name.toLowerCase();
}

/** Every domain belongs to one virtual host, and stands there once. */
function checkDomains({ name: table, virtualHosts }: RouteConfiguration, at: Place): void {
  const taken = new Set<string>();
  for (const [i, host] of virtualHosts.entries()) checkDomainsOf(host, table, taken, at.index(i));
}

/** @param taken domains of other virtual hosts; those of this one are added */
export function checkDomainsOf(
  { domains }: Pick<VirtualHost, 'domains'>,
  table: string,
  taken: Set<string>,
  at: Place,
): void {
  for (const [j, configured] of domains.entries()) {
    const place = at.field('domains').index(j);
    const domain = configured.toLowerCase();
    if (!taken.has(domain)) taken.add(domain);
    else if (domain === '*') place.report(`Only a single wildcard domain is permitted in route ${table}`);
    else {
      const words = 'Only unique values for domains are permitted.';
      place.report(`${words} Duplicate entry of domain ${domain} in route ${table}`);
    }
  }
}
