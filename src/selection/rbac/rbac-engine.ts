/**
 * Whether policies let a request or a connection pass, and which of them decided. One engine for both kinds of filters, and for explain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rbac_filter and envoy.config.rbac.v3.RBAC
 */
import type { CelExpression } from '#config/model/cel.ts';
import type { MatchInput } from '#config/model/matcher-tree.ts';
import type { RbacAction, RbacRules } from '#config/model/rbac.ts';
import { compileTree, type InputReader } from '#selection/matcher-tree.ts';
import { anyOf, compilePermission, compilePrincipal } from '#selection/rbac/rbac-rules.ts';
import type { RbacView } from '#selection/rbac/rbac-view.ts';

export interface RbacVerdict {
  allowed: boolean;
  /** The policy that matched; empty: none did. */
  policy: string;
  /** Of action LOG: whether the access log is asked for this one; else undefined. */
  logged?: boolean;
}

export type RbacEngine<V extends RbacView> = (view: V) => RbacVerdict;

/** What the engine does not know itself of those that it judges. */
export interface RbacSubjects<V extends RbacView> {
  /** How a generic matcher reads an input. */
  input(input: MatchInput): InputReader<V>;
  /** Whether an expression is true. */
  condition(expression: CelExpression): (view: V) => boolean;
}

export function compileRbac<V extends RbacView>(rules: RbacRules, subjects: RbacSubjects<V>): RbacEngine<V> {
  if (rules.kind === 'matcher') {
    const matcher = compileTree(rules.matcher, (action) => action, subjects.input);
    return (view) => {
      const found = matcher(view);
      // What no branch says anything about is denied.
      return found === undefined ? { allowed: false, policy: '' } : verdict(found.action, true, found.name);
    };
  }
  const policies = rules.policies.map(({ name, permissions, principals, condition }) => {
    const permits = anyOf(permissions.map(compilePermission));
    const knows = anyOf(principals.map(compilePrincipal));
    const holds = condition === undefined ? undefined : subjects.condition(condition);
    return { name, matches: (view: V) => permits(view) && knows(view) && (holds === undefined || holds(view)) };
  });
  const { action } = rules;
  return (view) => {
    const matched = policies.find(({ matches }) => matches(view));
    return verdict(action, matched !== undefined, matched?.name ?? '');
  };
}

function verdict(action: RbacAction, matched: boolean, policy: string): RbacVerdict {
  switch (action) {
    case 'ALLOW':
      return { allowed: matched, policy };
    case 'DENY':
      return { allowed: !matched, policy };
    case 'LOG':
      return { allowed: true, policy, logged: matched };
  }
}
