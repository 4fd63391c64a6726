/**
 * Role based access control as plain data. Follows config.rbac.v3 and extensions.filters.network.rbac.v3.
 */
import type { CidrRange } from './address.ts';
import type { CelExpression } from './cel.ts';
import type { MatcherTree } from './matcher-tree.ts';
import type { HeaderMatcher, MetadataMatcher, StringMatcher } from './matchers.ts';

export type RbacAction = 'ALLOW' | 'DENY' | 'LOG';

/** Policies, or a generic matcher over a connection or request. */
export type RbacRules =
  | { kind: 'policies'; action: RbacAction; policies: RbacPolicy[] }
  | { kind: 'matcher'; matcher: MatcherTree<{ name: string; action: RbacAction }> };

/** Holds where one of the permissions and one of the principals do, and the condition, where there is one. */
export interface RbacPolicy {
  name: string;
  permissions: RbacPermission[];
  principals: RbacPrincipal[];
  condition?: CelExpression;
}

/** What both sides of a policy may ask for. */
type CommonRule =
  | { kind: 'any' }
  | { kind: 'header'; header: HeaderMatcher }
  /** The path without its query. */
  | { kind: 'url_path'; path: StringMatcher }
  | { kind: 'metadata'; metadata: MetadataMatcher; source: 'DYNAMIC' | 'ROUTE' };

export type RbacPermission =
  | CommonRule
  | { kind: 'and' | 'or'; rules: RbacPermission[] }
  | { kind: 'not'; rule: RbacPermission }
  | { kind: 'destination_ip'; range: CidrRange }
  /** The end is not part of the range. */
  | { kind: 'destination_port'; start: number; end: number }
  | { kind: 'requested_server_name'; name: StringMatcher }
  | { kind: 'uri_template'; template: string };

export type RbacPrincipal =
  | CommonRule
  | { kind: 'and' | 'or'; rules: RbacPrincipal[] }
  | { kind: 'not'; rule: RbacPrincipal }
  /** Without a name: TLS will do, as in Envoy. */
  | { kind: 'authenticated'; name?: StringMatcher }
  | { kind: 'mtls_authenticated'; san?: { type: SanType; matcher: StringMatcher } }
  /** The socket's own peer; or who a listener filter or x-forwarded-for says that it is. */
  | { kind: 'direct_remote_ip' | 'remote_ip'; range: CidrRange }
  | { kind: 'filter_state'; key: string; value: StringMatcher };

export type SanType = 'EMAIL' | 'DNS' | 'URI' | 'IP_ADDRESS';
