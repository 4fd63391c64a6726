/**
 * What the filters of a dump do with a connection or a request that comes by: those that let pass, refuse or delay it.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/http_filters
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import type { Judgement } from '#explain/configuration.ts';
import type { ExplainedPolicy, ExplainedResponse } from '#explain/explanation.ts';
import { answer } from '#explain/local-answer.ts';
import { externalAuthorization } from '#explain/policies/external-authorization.ts';
import { fault } from '#explain/policies/fault.ts';
import { jwtAuthentication } from '#explain/policies/jwt-authentication.ts';
import { type PolicyLevel, perRouteConfig } from '#explain/policies/per-filter-config.ts';
import { localRateLimit, rateLimit } from '#explain/policies/rate-limit.ts';
import { roleBasedAccess } from '#explain/policies/role-based-access.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';

/** What a filter says of a request. */
export interface Said {
  outcome: ExplainedPolicy['outcome'];
  why: string;
  policy?: string;
  resource?: string;
  rejected?: ExplainedPolicy['rejected'];
  /** What it answers where it denies. */
  response?: ExplainedResponse;
}

/**
 * @param before what filters before it said.
 * @returns what there is to say; nothing where the filter does nothing.
 */
export type Policy = (
  config: JsonObject,
  request: RequestUnderWay,
  reader: DumpReader,
  before: readonly ExplainedPolicy[],
) => Said[];

const HTTP_POLICIES: ReadonlyMap<string, Policy> = new Map([
  ['envoy.extensions.filters.http.rbac.v3.RBAC', roleBasedAccess],
  [
    'envoy.extensions.filters.http.rbac.v3.RBACPerRoute',
    (config, request, reader, before) => roleBasedAccess(reader.object(config, 'rbac') ?? {}, request, reader, before),
  ],
  ['envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', jwtAuthentication],
  ['envoy.extensions.filters.http.fault.v3.HTTPFault', fault],
  ['envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit', localRateLimit],
  ['envoy.extensions.filters.http.ratelimit.v3.RateLimit', rateLimit],
  ['envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', externalAuthorization],
]);
const NETWORK_POLICIES: ReadonlyMap<string, Policy> = new Map([
  ['envoy.extensions.filters.network.rbac.v3.RBAC', roleBasedAccess],
  ['envoy.extensions.filters.network.ext_authz.v3.ExtAuthz', externalAuthorization],
]);

/** @param chain the filter chain's JSON. */
export function judgeConnection(chain: JsonObject, request: RequestUnderWay, reader: DumpReader): Judgement {
  const policies: ExplainedPolicy[] = [];
  for (const filter of reader.objects(chain, 'filters')) {
    const config = reader.object(filter, 'typed_config');
    const policy = NETWORK_POLICIES.get(typeOf(config, reader));
    for (const said of policy?.(config ?? {}, request, reader, policies) ?? []) {
      policies.push(entry(reader.text(filter, 'name'), said, 'listener'));
      if (said.outcome === 'denies')
        return { policies, closed: `${reader.text(filter, 'name')} denies the connection` };
    }
  }
  return { policies };
}

/** @param extension what came by ECDS under a name. */
export function judgeRequest(
  chain: JsonObject,
  request: RequestUnderWay,
  route: CompiledRoute,
  reader: DumpReader,
  extension: (name: string) => JsonObject | undefined,
): Judgement {
  const policies: ExplainedPolicy[] = [];
  const manager = reader.objects(chain, 'filters').map((filter) => reader.object(filter, 'typed_config'));
  for (const filter of manager.flatMap((config) => reader.objects(config, 'http_filters'))) {
    const name = reader.text(filter, 'name');
    const own = reader.object(filter, 'typed_config') ?? reader.object(extension(name), 'typed_config');
    const nearest = perRouteConfig(route, name);
    if (isDisabled(nearest?.config, filter, reader)) continue;
    const config = nearest?.config ?? own ?? {};
    const policy = HTTP_POLICIES.get(typeOf(config, reader));
    for (const said of policy?.(config, request, reader, policies) ?? []) {
      policies.push(entry(name, said, nearest?.level ?? 'listener'));
      if (said.outcome === 'denies') return { policies, response: said.response ?? answer(403, `denied by ${name}`) };
    }
  }
  return { policies };
}

function isDisabled(nearest: JsonObject | undefined, filter: JsonObject, reader: DumpReader): boolean {
  if (nearest === undefined) return reader.flag(filter, 'disabled');
  return typeOf(nearest, reader) === 'envoy.config.route.v3.FilterConfig' && reader.flag(nearest, 'disabled');
}

function typeOf(config: JsonObject | undefined, reader: DumpReader): string {
  return reader.text(config, '@type').replace(/^.*\//, '');
}

function entry(filter: string, { response: _, ...said }: Said, level: PolicyLevel): ExplainedPolicy {
  return { filter, ...said, level };
}
