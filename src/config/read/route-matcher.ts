/**
 * The generic matcher of a virtual host, whose actions are routes. Follows envoy.config.route.v3.VirtualHost.matcher and RouteList.
 */
import { unpack } from '#api/any.ts';
import type { Matcher } from '#api/generated/xds/type/matcher/v3/matcher_pb.js';
import type { Place } from '#api/place.ts';
import type { MatcherTree } from '#config/model/matcher-tree.ts';
import type { Route } from '#config/model/route.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import { ROUTE_INPUTS } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRoute } from '#config/read/route.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { honours } from '#config/read/support.ts';
import type { RouteList, Route as RouteMessage } from '#envoy/config/route/v3/route_components_pb.js';

const ROUTE = 'envoy.config.route.v3.Route';
const LIST = 'envoy.config.route.v3.RouteList';
const checkList = honours(LIST, ['routes']);

/** Clusters are not checked: Envoy does not either in such routes. */
export function readRouteMatcher(message: Matcher, at: Place, context: RouteContext): MatcherTree<Route[]> {
  const inside: RouteContext = { ...context, clusterNames: undefined };
  return readMatcherTree(message, at, ROUTE_INPUTS, (action, place) => readRoutes(action, place, inside));
}

function readRoutes({ name, typedConfig }: ActionMessage, at: Place, context: RouteContext): Route[] {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName === ROUTE) return [readRoute(message as RouteMessage, place, context)];
  if (type.typeName !== LIST) throw unsupportedExtension(name, type.typeName, 'matching_action', place);
  checkList(message, place);
  return readAll((message as RouteList).routes, place.field('routes'), (route, inside) =>
    readRoute(route, inside, context),
  );
}
