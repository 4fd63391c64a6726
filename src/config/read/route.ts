/**
 * Routes: what they match and what becomes of the request. Follows envoy.config.route.v3.Route.
 */
import type { Place } from '#api/place.ts';
import type { Route, RouteMatch } from '#config/model/route.ts';
import { readBufferLimit } from '#config/read/buffer-limit.ts';
import { readDirectResponse } from '#config/read/direct-response.ts';
import { HEADER_MUTATION_FIELDS, readHeaderMutations } from '#config/read/header-mutation.ts';
import { readMetadata } from '#config/read/metadata.ts';
import { readPerFilterConfig } from '#config/read/per-filter-config.ts';
import { readRedirect } from '#config/read/redirect.ts';
import { readRouteAction } from '#config/read/route-action.ts';
import type { RouteContext } from '#config/read/route-context.ts';
import { readRouteMatch } from '#config/read/route-match.ts';
import { honours } from '#config/read/support.ts';
import type { Decorator, Route as RouteMessage } from '#envoy/config/route/v3/route_components_pb.js';

const check = honours(
  'envoy.config.route.v3.Route',
  [
    'name',
    'match',
    'route',
    'redirect',
    'direct_response',
    'non_forwarding_action',
    'metadata',
    'decorator',
    'typed_per_filter_config',
    ...HEADER_MUTATION_FIELDS,
    'per_request_buffer_limit_bytes',
    'request_body_buffer_limit',
    'stat_prefix',
  ],
  {
    refused: {
      filter_action: 'no filter here takes it',
      tracing: 'tracing comes later',
      route_specifiers: 'no such extension runs here yet',
    },
  },
);
const checkNonForwarding = honours('envoy.config.route.v3.NonForwardingAction', []);
const checkDecorator = honours('envoy.config.route.v3.Decorator', ['operation', 'propagate']);

export function readRoute(message: RouteMessage, at: Place, context: RouteContext): Route {
  check(message, at);
  const { decorator } = message;
  const bufferLimit = readBufferLimit(message);
  if (message.match === undefined) throw at.field('match').missing();
  const match = readRouteMatch(message.match, at.field('match'));
  return {
    name: message.name,
    match,
    action: readAction(message, match, at, context),
    headers: readHeaderMutations(message, at),
    metadata: readMetadata(message.metadata, at.field('metadata')),
    ...(decorator === undefined ? {} : { decorator: readDecorator(decorator, at.field('decorator')) }),
    perFilterConfig: readPerFilterConfig(message.typedPerFilterConfig, at.field('typed_per_filter_config'), context),
    ...(bufferLimit === undefined ? {} : { perRequestBufferLimitBytes: bufferLimit }),
    statPrefix: message.statPrefix,
  };
}

function readAction({ action }: RouteMessage, match: RouteMatch, at: Place, context: RouteContext): Route['action'] {
  switch (action.case) {
    case 'route':
      return readRouteAction(action.value, match, at.field('route'), context);
    case 'redirect':
      return readRedirect(action.value, match, at.field('redirect'));
    case 'directResponse':
      return readDirectResponse(action.value, at.field('direct_response'), context);
    case undefined:
      throw at.problem('one of route, redirect, direct_response, non_forwarding_action is required');
    case 'nonForwardingAction':
      checkNonForwarding(action.value, at.field('non_forwarding_action'));
      return { kind: 'non_forwarding' };
    default:
      // Refused above, by its name.
      return { kind: 'non_forwarding' };
  }
}

function readDecorator(message: Decorator, at: Place): NonNullable<Route['decorator']> {
  checkDecorator(message, at);
  return { operation: message.operation, propagate: message.propagate ?? true };
}
