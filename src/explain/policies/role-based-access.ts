/**
 * Role based access control: which policy allows or denies, and why the others do not match. Istio's AuthorizationPolicies are these.
 * Follows envoy.config.rbac.v3.RBAC and https://istio.io/latest/docs/reference/config/security/authorization-policy/
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { istioRule } from '#explain/istio-resource.ts';
import { answer } from '#explain/local-answer.ts';
import type { Policy, Said } from '#explain/policies/judge.ts';
import { permits } from '#explain/policies/permissions.ts';
import { isPrincipal } from '#explain/policies/principals.ts';
import { every, some, unknown, type Verdict } from '#explain/policies/verdict.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';

interface Judged {
  name: string;
  verdict: Verdict;
}

export const roleBasedAccess: Policy = (config, request, reader) => {
  const shadow = reader.object(config, 'shadow_rules');
  const rules = reader.object(config, 'rules');
  if (reader.has(config, 'matcher'))
    return [{ outcome: 'depends', why: 'a generic matcher decides, which is not followed' }];
  return [
    ...(shadow === undefined ? [] : shadowSays(judge(shadow, request, reader), shadow, reader)),
    ...(rules === undefined ? [] : ruleSays(judge(rules, request, reader), rules, reader)),
  ];
};

/** Envoy goes through the policies in the order of their names. */
function judge(rules: JsonObject, request: RequestUnderWay, reader: DumpReader): Judged[] {
  const policies = reader.object(rules, 'policies') ?? {};
  return Object.keys(policies)
    .sort()
    .map((name) => ({ name, verdict: policyMatches(reader.object(policies, name), request, reader) }));
}

function policyMatches(policy: JsonObject | undefined, request: RequestUnderWay, reader: DumpReader): Verdict {
  const permissions = reader.objects(policy, 'permissions').map((each) => permits(each, request, reader));
  const principals = reader.objects(policy, 'principals').map((each) => isPrincipal(each, request, reader));
  const condition = reader.has(policy, 'condition') ? [unknown('it has a condition in CEL')] : [];
  return every([some(permissions), some(principals), ...condition]);
}

function ruleSays(judged: readonly Judged[], rules: JsonObject, reader: DumpReader): Said[] {
  const action = reader.text(rules, 'action') || 'ALLOW';
  const hit = judged.find(({ verdict }) => verdict.holds === true);
  const open = judged.find(({ verdict }) => verdict.holds === undefined);
  if (action === 'LOG')
    return hit === undefined ? [] : [{ outcome: 'notes', ...naming(hit.name), why: 'it is logged' }];
  const denies = action === 'DENY';
  if (hit !== undefined && (open === undefined || denies || judged.indexOf(hit) < judged.indexOf(open))) {
    const name = hit.name;
    if (!denies) return [{ outcome: 'allows', ...naming(name), why: 'the policy matches', ...others(judged, name) }];
    return [
      {
        outcome: 'denies',
        ...naming(name),
        why: 'the policy matches',
        response: refused(`[${name}]`),
        ...others(judged, name),
      },
    ];
  }
  if (hit !== undefined)
    return [{ outcome: 'allows', ...naming(hit.name), why: 'the policy matches', ...others(judged, hit.name) }];
  if (open !== undefined) {
    const why = `it ${denies ? 'denies' : 'allows'} the request if: ${open.verdict.why}`;
    return [{ outcome: 'depends', ...naming(open.name), why, ...others(judged, open.name) }];
  }
  if (denies) return [{ outcome: 'allows', why: 'no policy that denies matches', ...others(judged) }];
  return [{ outcome: 'denies', why: 'no policy that allows matches', response: refused('[none]'), ...others(judged) }];
}

/** Shadow rules decide nothing; where Istio asks an outside service, its filter goes by them. */
function shadowSays(judged: readonly Judged[], rules: JsonObject, reader: DumpReader): Said[] {
  const hit = judged.find(({ verdict }) => verdict.holds !== false);
  if (hit === undefined) return [];
  const action = (reader.text(rules, 'action') || 'ALLOW').toLowerCase();
  const certain = hit.verdict.holds === true ? '' : `, if: ${hit.verdict.why}`;
  return [{ outcome: 'notes', ...naming(hit.name), why: `only noted (shadow rules): it would ${action}${certain}` }];
}

function refused(policy: string) {
  return answer(403, `rbac_access_denied_matched_policy${policy}`, 'RBAC: access denied');
}

function naming(policy: string): { policy: string; resource?: string } {
  const resource = istioRule(policy);
  return resource === undefined ? { policy } : { policy, resource };
}

function others(judged: readonly Judged[], chosen?: string): Pick<Said, 'rejected'> {
  const rejected = judged
    .filter(({ name, verdict }) => name !== chosen && verdict.holds !== true)
    .map(({ name, verdict }) => ({ name, why: verdict.why }));
  return rejected.length === 0 ? {} : { rejected };
}
