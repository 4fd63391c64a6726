/**
 * What a route matches. Follows envoy.config.route.v3.RouteMatch.
 */
import { unpack } from '#api/any.ts';
import type { Place } from '#api/place.ts';
import type { RouteMatch } from '#config/model/route.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import {
  readCookieMatcher,
  readFilterStateMatcher,
  readHeaderMatchers,
  readMetadataMatcher,
  readQueryParameterMatcher,
  readRuntimeFraction,
} from '#config/read/matchers.ts';
import { readAll } from '#config/read/read-all.ts';
import { readRegex } from '#config/read/regex.ts';
import { honours } from '#config/read/support.ts';
import { PathTemplateError, pathTemplatePattern } from '#config/syntax/path-template.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { RouteMatch as RouteMatchMessage } from '#envoy/config/route/v3/route_components_pb.js';
import type { UriTemplateMatchConfig } from '#envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';

const URI_TEMPLATE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

const check = honours('envoy.config.route.v3.RouteMatch', [
  'prefix',
  'path',
  'safe_regex',
  'connect_matcher',
  'path_separated_prefix',
  'path_match_policy',
  'case_sensitive',
  'runtime_fraction',
  'headers',
  'query_parameters',
  'cookies',
  'grpc',
  'tls_context',
  'dynamic_metadata',
  'filter_state',
]);
const checkTemplate = honours(URI_TEMPLATE, ['path_template']);

export function readRouteMatch(message: RouteMatchMessage, at: Place): RouteMatch {
  check(message, at);
  const { runtimeFraction, tlsContext } = message;
  return {
    path: readPath(message, at),
    caseSensitive: message.caseSensitive ?? true,
    ...(runtimeFraction === undefined ? {} : { runtimeFraction: readRuntimeFraction(runtimeFraction) }),
    headers: readHeaderMatchers(message.headers, at.field('headers')),
    queryParameters: readAll(message.queryParameters, at.field('query_parameters'), readQueryParameterMatcher),
    cookies: readAll(message.cookies, at.field('cookies'), readCookieMatcher),
    grpc: message.grpc !== undefined,
    ...(tlsContext === undefined
      ? {}
      : { tlsContext: { presented: tlsContext.presented, validated: tlsContext.validated } }),
    dynamicMetadata: readAll(message.dynamicMetadata, at.field('dynamic_metadata'), readMetadataMatcher),
    filterState: readAll(message.filterState, at.field('filter_state'), readFilterStateMatcher),
  };
}

function readPath({ pathSpecifier: given }: RouteMatchMessage, at: Place): RouteMatch['path'] {
  switch (given.case) {
    case 'prefix':
    case 'path':
      return { kind: given.case, value: given.value };
    case 'pathSeparatedPrefix':
      return { kind: 'path_separated_prefix', value: given.value };
    case 'safeRegex':
      return { kind: 'safe_regex', regex: readRegex(given.value, at.field('safe_regex')) };
    case 'pathMatchPolicy':
      return readPathTemplate(given.value, at.field('path_match_policy').field('typed_config'));
    case 'connectMatcher':
      return { kind: 'connect_matcher' };
    default:
      throw at.problem(
        'a route must match by one of prefix, path, safe_regex, path_separated_prefix, path_match_policy, connect_matcher',
      );
  }
}

function readPathTemplate({ name, typedConfig }: TypedExtensionConfig, at: Place): RouteMatch['path'] {
  if (typedConfig === undefined) throw at.missing();
  const { type, message } = unpack(typedConfig, at);
  if (type.typeName !== URI_TEMPLATE) throw unsupportedExtension(name, type.typeName, 'path_match_policy', at);
  checkTemplate(message, at);
  const { pathTemplate } = message as UriTemplateMatchConfig;
  try {
    pathTemplatePattern(pathTemplate);
  } catch (error) {
    if (error instanceof PathTemplateError) throw at.field('path_template').problem(error.message);
    throw error;
  }
  return { kind: 'path_match_policy', template: pathTemplate };
}
