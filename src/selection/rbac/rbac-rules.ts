/**
 * Permissions and principals, compiled to tests. Follows envoy.config.rbac.v3.Permission and Principal.
 */
import type { CidrRange } from '#config/model/address.ts';
import type { HeaderMatcher } from '#config/model/matchers.ts';
import type { RbacPermission, RbacPrincipal, SanType } from '#config/model/rbac.ts';
import { pathTemplatePattern } from '#config/syntax/path-template.ts';
import { IpRange, parseIp } from '#selection/ip-range.ts';
import { compileHeader, compileSingleHeader, isRequestPart } from '#selection/match-header.ts';
import { compileMetadata } from '#selection/match-metadata.ts';
import { compileString, type StringTest } from '#selection/match-string.ts';
import { pathEnd } from '#selection/path-match.ts';
import type { RbacView } from '#selection/rbac/rbac-view.ts';
import { fullMatcher } from '#selection/regex.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export type RbacTest = (view: RbacView) => boolean;

export function compilePermission(permission: RbacPermission): RbacTest {
  switch (permission.kind) {
    case 'and':
      return allOf(permission.rules.map(compilePermission));
    case 'or':
      return anyOf(permission.rules.map(compilePermission));
    case 'not':
      return not(compilePermission(permission.rule));
    case 'destination_ip':
      return inRange(permission.range, ({ connection }) => connection.destinationAddress);
    case 'destination_port': {
      const { start, end } = permission;
      return ({ connection: { destinationPort: port } }) => port >= start && port < end;
    }
    case 'requested_server_name': {
      const test = compileString(permission.name);
      return ({ connection }) => test(connection.serverName);
    }
    case 'uri_template': {
      const test = fullMatcher(pathTemplatePattern(permission.template).pattern);
      return ({ path }) => path !== '' && test(path.slice(0, pathEnd(path)));
    }
    default:
      return compileCommon(permission);
  }
}

export function compilePrincipal(principal: RbacPrincipal): RbacTest {
  switch (principal.kind) {
    case 'and':
      return allOf(principal.rules.map(compilePrincipal));
    case 'or':
      return anyOf(principal.rules.map(compilePrincipal));
    case 'not':
      return not(compilePrincipal(principal.rule));
    case 'authenticated':
      return authenticated(principal.name === undefined ? undefined : compileString(principal.name));
    case 'mtls_authenticated': {
      const { san } = principal;
      if (san === undefined) return ({ connection: { tls } }) => tls?.validated === true;
      const test = compileString(san.matcher);
      return ({ connection }) =>
        connection.tls?.validated === true && sansOf(connection, san.type).some((name) => test(name));
    }
    case 'direct_remote_ip':
      return inRange(principal.range, ({ connection }) => connection.directSourceAddress);
    case 'remote_ip':
      return inRange(principal.range, ({ remoteIp }) => remoteIp);
    case 'filter_state': {
      const test = compileString(principal.value);
      return ({ filterState }) => {
        const value = filterState?.get(principal.key);
        return value !== undefined && test(String(value));
      };
    }
    default:
      return compileCommon(principal);
  }
}

function compileCommon(rule: RbacPermission & RbacPrincipal): RbacTest {
  switch (rule.kind) {
    case 'header':
      return compileHeaderRule(rule.header);
    case 'url_path': {
      const test = compileString(rule.path);
      return ({ path }) => path !== '' && test(path.slice(0, pathEnd(path)));
    }
    case 'metadata': {
      const test = compileMetadata(rule.metadata);
      return rule.source === 'ROUTE'
        ? ({ routeMetadata }) => test(routeMetadata)
        : ({ dynamicMetadata }) => test(dynamicMetadata);
    }
    default:
      return () => true;
  }
}

function compileHeaderRule(matcher: HeaderMatcher): RbacTest {
  if (!isRequestPart(matcher.name)) {
    const test = compileHeader(matcher);
    return ({ headers }) => headers !== undefined && test(headers);
  }
  const test = compileSingleHeader(matcher);
  const some = (value: string) => (value === '' ? undefined : value);
  switch (matcher.name) {
    case ':path':
      return ({ path }) => test(some(path));
    case ':method':
      return ({ method }) => test(some(method));
    case ':scheme':
      return ({ scheme }) => test(some(scheme));
    default:
      return ({ host }) => test(some(host));
  }
}

/** The names of the certificate in Envoy's order: URIs, DNS names, the subject. Any of them will do. */
function authenticated(test: StringTest | undefined): RbacTest {
  return ({ connection: { tls } }) => {
    if (tls === undefined) return false;
    if (test === undefined) return true;
    const { peer } = tls;
    if (peer === undefined) return test('');
    return peer.uriSans.some(test) || peer.dnsSans.some(test) || test(peer.subject);
  };
}

function sansOf({ tls }: ConnectionView, type: SanType): readonly string[] {
  const peer = tls?.peer;
  if (peer === undefined) return [];
  switch (type) {
    case 'EMAIL':
      return peer.emailSans;
    case 'DNS':
      return peer.dnsSans;
    case 'URI':
      return peer.uriSans;
    case 'IP_ADDRESS':
      return peer.ipSans;
  }
}

function inRange(range: CidrRange, read: (view: RbacView) => string): RbacTest {
  const network = new IpRange(range);
  return (view) => {
    const ip = parseIp(read(view));
    return ip !== undefined && network.has(ip);
  };
}

function allOf(tests: readonly RbacTest[]): RbacTest {
  return (view) => tests.every((test) => test(view));
}

export function anyOf(tests: readonly RbacTest[]): RbacTest {
  return (view) => tests.some((test) => test(view));
}

function not(test: RbacTest): RbacTest {
  return (view) => !test(view);
}
