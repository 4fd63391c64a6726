/**
 * Policies of role based access control. Follows envoy.config.rbac.v3.
 */
import { unpack } from '#api/any.ts';
import type { Matcher } from '#api/generated/xds/type/matcher/v3/matcher_pb.js';
import type { Place } from '#api/place.ts';
import type { RbacAction, RbacPermission, RbacPolicy, RbacPrincipal, RbacRules } from '#config/model/rbac.ts';
import { readCidrRange } from '#config/read/address.ts';
import { readCel } from '#config/read/cel.ts';
import { unsupportedExtension } from '#config/read/extensions.ts';
import type { MatchInputs } from '#config/read/matcher-input.ts';
import { type ActionMessage, readMatcherTree } from '#config/read/matcher-tree.ts';
import { readFilterStateMatcher, readHeaderMatcher, readMetadataMatcher } from '#config/read/matchers.ts';
import { readMtlsPrincipal } from '#config/read/mtls-principal.ts';
import { readAll } from '#config/read/read-all.ts';
import { readStringMatcher } from '#config/read/string-matcher.ts';
import { honours } from '#config/read/support.ts';
import { PathTemplateError, pathTemplatePattern } from '#config/syntax/path-template.ts';
import type { TypedExtensionConfig } from '#envoy/config/core/v3/extension_pb.js';
import type { Action, Permission, Policy, Principal, RBAC, SourcedMetadata } from '#envoy/config/rbac/v3/rbac_pb.js';
import type { HeaderMatcher } from '#envoy/config/route/v3/route_components_pb.js';
import type { UriTemplateMatchConfig } from '#envoy/extensions/path/match/uri_template/v3/uri_template_match_pb.js';
import type { MetadataMatcher } from '#envoy/type/matcher/v3/metadata_pb.js';
import type { PathMatcher } from '#envoy/type/matcher/v3/path_pb.js';

const TYPE = 'envoy.config.rbac.v3';
const ACTION = `${TYPE}.Action`;
const URI_TEMPLATE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

const check = honours(`${TYPE}.RBAC`, ['action', 'policies'], {
  refused: { audit_logging_options: 'there are no audit loggers here' },
});
const checkPolicy = honours(`${TYPE}.Policy`, ['permissions', 'principals', 'condition', 'cel_config'], {
  refused: { checked_condition: 'Envoy does not look at it; write condition' },
});
const checkPermission = honours(
  `${TYPE}.Permission`,
  [
    'and_rules',
    'or_rules',
    'any',
    'header',
    'url_path',
    'destination_ip',
    'destination_port',
    'destination_port_range',
    'metadata',
    'not_rule',
    'requested_server_name',
    'uri_template',
    'sourced_metadata',
  ],
  { refused: { matcher: 'the addresses of upstreams are not known before one is chosen' } },
);
const checkPrincipal = honours(`${TYPE}.Principal`, [
  'and_ids',
  'or_ids',
  'any',
  'authenticated',
  'source_ip',
  'direct_remote_ip',
  'remote_ip',
  'header',
  'url_path',
  'metadata',
  'filter_state',
  'not_id',
  'sourced_metadata',
  'custom',
]);
const checkAuthenticated = honours(`${TYPE}.Principal.Authenticated`, ['principal_name']);
const checkSourced = honours(`${TYPE}.SourcedMetadata`, ['metadata_matcher', 'metadata_source']);
const checkPath = honours('envoy.type.matcher.v3.PathMatcher', ['path']);
const checkAction = honours(ACTION, ['name', 'action']);
const checkTemplate = honours(URI_TEMPLATE, ['path_template']);

/** By number of RBAC.Action. */
const ACTIONS: readonly RbacAction[] = ['ALLOW', 'DENY', 'LOG'];

/** What may be asked where policies are for. */
export interface RbacSubject {
  /** What is said of a matcher of headers; undefined: headers are there. */
  refuseHeader?(message: HeaderMatcher, at: Place): void;
  inputs: MatchInputs;
}

/** @returns undefined where there are neither: everything may pass, and nothing is counted. A matcher goes before policies. */
export function readRbac(
  rules: { message: RBAC | undefined; at: Place },
  matcher: { message: Matcher | undefined; at: Place },
  subject: RbacSubject,
): RbacRules | undefined {
  if (matcher.message !== undefined) {
    return { kind: 'matcher', matcher: readMatcherTree(matcher.message, matcher.at, subject.inputs, readAction) };
  }
  if (rules.message === undefined) return undefined;
  const { message, at } = rules;
  check(message, at);
  const place = at.field('policies');
  // Envoy keeps them in the order of their names.
  const policies = Object.entries(message.policies)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, policy]) => place.attempt(() => readPolicy(name, policy, place.key(name), subject)) ?? []);
  return { kind: 'policies', action: ACTIONS[message.action] ?? 'ALLOW', policies };
}

function readAction({ name, typedConfig }: ActionMessage, at: Place): { name: string; action: RbacAction } {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== ACTION) throw unsupportedExtension(name, type.typeName, 'matching_action', place);
  checkAction(message, place);
  const action = message as Action;
  return { name: action.name, action: ACTIONS[action.action] ?? 'ALLOW' };
}

function readPolicy(name: string, message: Policy, at: Place, subject: RbacSubject): RbacPolicy {
  checkPolicy(message, at);
  const reader = new RuleReader(subject);
  const { condition, celConfig } = message;
  return {
    name,
    permissions: readAll(message.permissions, at.field('permissions'), (one, place) => reader.permission(one, place)),
    principals: readAll(message.principals, at.field('principals'), (one, place) => reader.principal(one, place)),
    ...(condition === undefined
      ? {}
      : { condition: readCel(condition, at.field('condition'), { message: celConfig, at: at.field('cel_config') }) }),
  };
}

class RuleReader {
  readonly #subject: RbacSubject;

  constructor(subject: RbacSubject) {
    this.#subject = subject;
  }

  permission(message: Permission, at: Place): RbacPermission {
    checkPermission(message, at);
    const { rule } = message;
    const all = (rules: readonly Permission[], place: Place) =>
      readAll(rules, place.field('rules'), (one, inside) => this.permission(one, inside));
    switch (rule.case) {
      case 'andRules':
        return { kind: 'and', rules: all(rule.value.rules, at.field('and_rules')) };
      case 'orRules':
        return { kind: 'or', rules: all(rule.value.rules, at.field('or_rules')) };
      case 'notRule':
        return { kind: 'not', rule: this.permission(rule.value, at.field('not_rule')) };
      case 'any':
        return { kind: 'any' };
      case 'header':
        return this.#header(rule.value, at.field('header'));
      case 'urlPath':
        return readUrlPath(rule.value, at.field('url_path'));
      case 'destinationIp':
        return { kind: 'destination_ip', range: readCidrRange(rule.value, at.field('destination_ip')) };
      case 'destinationPort':
        return { kind: 'destination_port', start: rule.value, end: rule.value + 1 };
      case 'destinationPortRange':
        return readPortRange(rule.value, at.field('destination_port_range'));
      case 'requestedServerName':
        return {
          kind: 'requested_server_name',
          name: readStringMatcher(rule.value, at.field('requested_server_name')),
        };
      case 'metadata':
        return readDynamicMetadata(rule.value, at.field('metadata'));
      case 'sourcedMetadata':
        return readSourcedMetadata(rule.value, at.field('sourced_metadata'));
      case 'uriTemplate':
        return readUriTemplate(rule.value, at.field('uri_template'));
      default:
        throw at.problem('a permission must have a rule');
    }
  }

  principal(message: Principal, at: Place): RbacPrincipal {
    checkPrincipal(message, at);
    const { identifier } = message;
    const all = (ids: readonly Principal[], place: Place) =>
      readAll(ids, place.field('ids'), (one, inside) => this.principal(one, inside));
    switch (identifier.case) {
      case 'andIds':
        return { kind: 'and', rules: all(identifier.value.ids, at.field('and_ids')) };
      case 'orIds':
        return { kind: 'or', rules: all(identifier.value.ids, at.field('or_ids')) };
      case 'notId':
        return { kind: 'not', rule: this.principal(identifier.value, at.field('not_id')) };
      case 'any':
        return { kind: 'any' };
      case 'authenticated': {
        const place = at.field('authenticated');
        checkAuthenticated(identifier.value, place);
        const { principalName } = identifier.value;
        if (principalName === undefined) return { kind: 'authenticated' };
        return { kind: 'authenticated', name: readStringMatcher(principalName, place.field('principal_name')) };
      }
      case 'sourceIp':
        return { kind: 'remote_ip', range: readCidrRange(identifier.value, at.field('source_ip')) };
      case 'directRemoteIp':
        return { kind: 'direct_remote_ip', range: readCidrRange(identifier.value, at.field('direct_remote_ip')) };
      case 'remoteIp':
        return { kind: 'remote_ip', range: readCidrRange(identifier.value, at.field('remote_ip')) };
      case 'header':
        return this.#header(identifier.value, at.field('header'));
      case 'urlPath':
        return readUrlPath(identifier.value, at.field('url_path'));
      case 'metadata':
        return readDynamicMetadata(identifier.value, at.field('metadata'));
      case 'sourcedMetadata':
        return readSourcedMetadata(identifier.value, at.field('sourced_metadata'));
      case 'filterState': {
        const { key, matcher } = readFilterStateMatcher(identifier.value, at.field('filter_state'));
        return { kind: 'filter_state', key, value: matcher };
      }
      case 'custom':
        return readMtlsPrincipal(identifier.value, at.field('custom'));
      default:
        throw at.problem('a principal must have an identifier');
    }
  }

  #header(message: HeaderMatcher, at: Place): RbacPermission & RbacPrincipal {
    this.#subject.refuseHeader?.(message, at);
    return { kind: 'header', header: readHeaderMatcher(message, at) };
  }
}

function readUrlPath(message: PathMatcher, at: Place): RbacPermission & RbacPrincipal {
  checkPath(message, at);
  if (message.rule.case !== 'path') throw at.field('path').missing();
  return { kind: 'url_path', path: readStringMatcher(message.rule.value, at.field('path')) };
}

function readPortRange({ start, end }: { start: number; end: number }, at: Place): RbacPermission {
  if (start < 0 || start > 65_536) throw at.problem(`range start ${start} is out of bounds`);
  if (end < 0 || end > 65_536) throw at.problem(`range end ${end} is out of bounds`);
  if (start >= end) throw at.problem(`range start ${start} cannot be greater or equal than range end ${end}`);
  return { kind: 'destination_port', start, end };
}

function readDynamicMetadata(message: MetadataMatcher, at: Place): RbacPermission & RbacPrincipal {
  return { kind: 'metadata', metadata: readMetadataMatcher(message, at), source: 'DYNAMIC' };
}

function readSourcedMetadata(message: SourcedMetadata, at: Place): RbacPermission & RbacPrincipal {
  checkSourced(message, at);
  const place = at.field('metadata_matcher');
  if (message.metadataMatcher === undefined) throw place.missing();
  const source = message.metadataSource === 1 ? 'ROUTE' : 'DYNAMIC';
  return { kind: 'metadata', metadata: readMetadataMatcher(message.metadataMatcher, place), source };
}

function readUriTemplate({ name, typedConfig }: TypedExtensionConfig, at: Place): RbacPermission {
  const place = at.field('typed_config');
  if (typedConfig === undefined) throw place.missing();
  const { type, message } = unpack(typedConfig, place);
  if (type.typeName !== URI_TEMPLATE) throw unsupportedExtension(name, type.typeName, 'path_match', place);
  checkTemplate(message, place);
  const { pathTemplate } = message as UriTemplateMatchConfig;
  try {
    pathTemplatePattern(pathTemplate);
  } catch (error) {
    if (error instanceof PathTemplateError) throw place.field('path_template').problem(error.message);
    throw error;
  }
  return { kind: 'uri_template', template: pathTemplate };
}
