/**
 * What of a request decides on its host, for clusters that hash. Follows envoy.config.route.v3.RouteAction.HashPolicy.
 */
import type { Place } from '#api/place.ts';
import type { HashPolicy } from '#config/model/route.ts';
import { optionalMilliseconds } from '#config/read/duration.ts';
import { readAll } from '#config/read/read-all.ts';
import { readSubstitution } from '#config/read/regex.ts';
import { honours } from '#config/read/support.ts';
import type {
  RouteAction_HashPolicy_Cookie,
  RouteAction_HashPolicy_Header,
  RouteAction_HashPolicy as RouteHashPolicy,
} from '#envoy/config/route/v3/route_components_pb.js';

const TYPE = 'envoy.config.route.v3.RouteAction.HashPolicy';
const check = honours(TYPE, [
  'header',
  'cookie',
  'connection_properties',
  'query_parameter',
  'filter_state',
  'terminal',
]);
const checkHeader = honours(`${TYPE}.Header`, ['header_name', 'regex_rewrite']);
const checkCookie = honours(`${TYPE}.Cookie`, ['name', 'ttl', 'path', 'attributes']);
const checkAttribute = honours(`${TYPE}.CookieAttribute`, ['name', 'value']);
const checkConnection = honours(`${TYPE}.ConnectionProperties`, ['source_ip']);
const checkQuery = honours(`${TYPE}.QueryParameter`, ['name']);
const checkState = honours(`${TYPE}.FilterState`, ['key']);

export function readHashPolicies(messages: readonly RouteHashPolicy[], at: Place): HashPolicy[] {
  return readAll(messages, at, (message, place) => {
    check(message, place);
    const source = readSource(message, place);
    return source === undefined ? undefined : { source, terminal: message.terminal };
  });
}

/** @returns undefined for one that asks for nothing */
function readSource({ policySpecifier: policy }: RouteHashPolicy, at: Place): HashPolicy['source'] | undefined {
  switch (policy.case) {
    case 'header':
      return readHeader(policy.value, at.field('header'));
    case 'cookie':
      return readCookie(policy.value, at.field('cookie'));
    case 'connectionProperties':
      checkConnection(policy.value, at.field('connection_properties'));
      return policy.value.sourceIp ? { kind: 'source_ip' } : undefined;
    case 'queryParameter':
      checkQuery(policy.value, at.field('query_parameter'));
      return { kind: 'query_parameter', name: policy.value.name };
    case 'filterState':
      checkState(policy.value, at.field('filter_state'));
      return { kind: 'filter_state', key: policy.value.key };
    default:
      throw at.problem('one of header, cookie, connection_properties, query_parameter, filter_state is required');
  }
}

function readHeader(message: RouteAction_HashPolicy_Header, at: Place): HashPolicy['source'] {
  checkHeader(message, at);
  const name = message.headerName.toLowerCase();
  if (message.regexRewrite === undefined) return { kind: 'header', name };
  return { kind: 'header', name, regexRewrite: readSubstitution(message.regexRewrite, at.field('regex_rewrite')) };
}

function readCookie(message: RouteAction_HashPolicy_Cookie, at: Place): HashPolicy['source'] {
  checkCookie(message, at);
  const ttl = optionalMilliseconds(message.ttl);
  return {
    kind: 'cookie',
    name: message.name,
    ...(ttl === undefined ? {} : { ttl }),
    path: message.path,
    attributes: readAll(message.attributes, at.field('attributes'), (attribute, place) => {
      checkAttribute(attribute, place);
      return { name: attribute.name, value: attribute.value };
    }),
  };
}
