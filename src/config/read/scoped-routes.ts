/**
 * Scoped routes, with their scopes or where these come from.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/scoped_routes
 */
import type { Place } from '#api/place.ts';
import { type ConfigSource, sourceKey } from '#config/model/config-source.ts';
import {
  type RouteOrigin,
  type ScopedRoute,
  type ScopedRoutes,
  type ScopeFragment,
  scopeKey,
} from '#config/model/scoped-routes.ts';
import { readConfigSource } from '#config/read/config-source.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRouteTable } from '#config/read/route-table.ts';
import { honours } from '#config/read/support.ts';
import type { ScopedRouteConfiguration } from '#envoy/config/route/v3/scoped_route_pb.js';
import type {
  ScopedRoutes_ScopeKeyBuilder_FragmentBuilder as FragmentMessage,
  ScopedRoutes as Message,
  ScopedRds,
} from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3';
const SCOPE = 'envoy.config.route.v3.ScopedRouteConfiguration';
const BUILDER = `${MANAGER}.ScopedRoutes.ScopeKeyBuilder`;
const check = honours(`${MANAGER}.ScopedRoutes`, [
  'name',
  'scope_key_builder',
  'rds_config_source',
  'scoped_route_configurations_list',
  'scoped_rds',
]);
const checkList = honours(`${MANAGER}.ScopedRouteConfigurationsList`, ['scoped_route_configurations']);
const checkSrds = honours(`${MANAGER}.ScopedRds`, ['scoped_rds_config_source'], {
  refused: { srds_resources_locator: 'collections are not named by xdstp here' },
});
const checkBuilder = honours(BUILDER, ['fragments']);
const checkFragment = honours(`${BUILDER}.FragmentBuilder`, ['header_value_extractor']);
const checkExtractor = honours(`${BUILDER}.FragmentBuilder.HeaderValueExtractor`, [
  'name',
  'element_separator',
  'index',
  'element',
]);
const checkElement = honours(`${BUILDER}.FragmentBuilder.HeaderValueExtractor.KvElement`, ['separator', 'key']);
const checkScope = honours(SCOPE, ['name', 'route_configuration_name', 'route_configuration', 'key', 'on_demand']);
const checkKey = honours(`${SCOPE}.Key`, ['fragments']);
const checkKeyFragment = honours(`${SCOPE}.Key.Fragment`, ['string_key']);

/** @throws PlacedError where no scope could be found */
export function readScopedRoutes(message: Message, at: Place, context: ReadContext): ScopedRoutes {
  check(message, at);
  const { rdsConfigSource, configSpecifier, scopeKeyBuilder } = message;
  const rdsSource = rdsConfigSource && readConfigSource(rdsConfigSource, at.field('rds_config_source'), context);
  const builder = at.field('scope_key_builder');
  if (scopeKeyBuilder === undefined) throw builder.missing();
  checkBuilder(scopeKeyBuilder, builder);
  return {
    name: message.name,
    fragments: readAll(scopeKeyBuilder.fragments, builder.field('fragments'), readFragment),
    ...(rdsSource === undefined ? {} : { rdsSource }),
    scopes: readScopes(configSpecifier, at, rdsSource, context),
  };
}

function readScopes(
  given: Message['configSpecifier'],
  at: Place,
  rdsSource: ConfigSource | undefined,
  context: ReadContext,
): ScopedRoutes['scopes'] {
  switch (given.case) {
    case 'scopedRouteConfigurationsList': {
      const place = at.field('scoped_route_configurations_list');
      checkList(given.value, place);
      const inside = place.field('scoped_route_configurations');
      const list = readAll(given.value.scopedRouteConfigurations, inside, (scope, one) =>
        readScopedRoute(scope, one, rdsSource, context),
      );
      for (const [i, { onDemand }] of list.entries()) {
        if (onDemand)
          inside.index(i).field('on_demand').report('on_demand is for scopes that are fetched (scoped_rds)');
      }
      const problem = conflict(list);
      if (problem !== undefined) throw inside.problem(problem);
      return { kind: 'inline', list };
    }
    case 'scopedRds':
      return readSrds(given.value, at.field('scoped_rds'), rdsSource, context);
    default:
      throw at.problem('one of scoped_route_configurations_list, scoped_rds is required');
  }
}

function readSrds(
  message: ScopedRds,
  at: Place,
  rdsSource: ConfigSource | undefined,
  context: ReadContext,
): ScopedRoutes['scopes'] {
  checkSrds(message, at);
  const place = at.field('scoped_rds_config_source');
  if (message.scopedRdsConfigSource === undefined) throw place.missing();
  const source = readConfigSource(message.scopedRdsConfigSource, place, context);
  return { kind: 'srds', source, key: `${sourceKey(source)} ${rdsSource === undefined ? '' : sourceKey(rdsSource)}` };
}

function readFragment(message: FragmentMessage, at: Place): ScopeFragment {
  checkFragment(message, at);
  const { type } = message;
  const place = at.field('header_value_extractor');
  if (type.case !== 'headerValueExtractor') throw place.missing();
  checkExtractor(type.value, place);
  const { name, elementSeparator: separator, extractType } = type.value;
  const header = name.toLowerCase();
  if (extractType.case === 'element') {
    checkElement(extractType.value, place.field('element'));
    const { separator: inner, key } = extractType.value;
    return { header, separator, take: { kind: 'element', separator: inner, key } };
  }
  const index = extractType.value ?? 0;
  if (separator === '' && index !== 0) {
    throw place.field('index').problem('Index > 0 for empty string element separator.');
  }
  return { header, separator, take: { kind: 'index', index } };
}

/** @param rdsSource of tables that scopes name */
export function readScopedRoute(
  message: ScopedRouteConfiguration,
  at: Place,
  rdsSource: ConfigSource | undefined,
  context: ReadContext,
): ScopedRoute {
  checkScope(message, at);
  const place = at.field('key');
  if (message.key === undefined) throw place.missing();
  checkKey(message.key, place);
  const fragments = message.key.fragments.map((fragment, i) => {
    checkKeyFragment(fragment, place.field('fragments').index(i));
    return fragment.type.value ?? '';
  });
  const routes = readOrigin(message, at, rdsSource, context);
  return { name: message.name, key: scopeKey(fragments), routes, onDemand: message.onDemand };
}

function readOrigin(
  { routeConfigurationName, routeConfiguration }: ScopedRouteConfiguration,
  at: Place,
  source: ConfigSource | undefined,
  context: ReadContext,
): RouteOrigin {
  if (routeConfiguration !== undefined) {
    const place = at.field('route_configuration');
    if (routeConfiguration.vhds !== undefined) {
      place.collect(place.field('vhds').unsupported('tables that scopes name by route_configuration_name may have it'));
    }
    return { kind: 'inline', table: readRouteTable(routeConfiguration, place, context, false) };
  }
  const place = at.field('route_configuration_name');
  if (routeConfigurationName === '') throw place.missing();
  if (source === undefined) throw place.problem('a table that is named needs the rds_config_source of scoped_routes');
  return {
    kind: 'rds',
    routeConfigName: routeConfigurationName,
    source,
    key: `${sourceKey(source)} ${routeConfigurationName}`,
  };
}

/** @returns what is wrong where two scopes have one key. */
export function conflict(scopes: readonly ScopedRoute[]): string | undefined {
  const names = new Map<string, string>();
  for (const { name, key } of scopes) {
    const other = names.get(key);
    if (other !== undefined) return `scope key conflict found, first scope is '${other}', second scope is '${name}'`;
    names.set(key, name);
  }
  return undefined;
}
