/**
 * Everything that a route asks of a request besides its path, as a list of conditions in the order in which Envoy looks.
 * Follows envoy.config.route.v3.RouteMatch.
 */
import type { RouteMatch } from '#config/model/route.ts';
import { Condition } from '#selection/condition.ts';
import { cookieCondition } from '#selection/match-cookie.ts';
import { headerCondition } from '#selection/match-header.ts';
import { metadataCondition } from '#selection/match-metadata.ts';
import { queryCondition } from '#selection/match-query.ts';
import { compileString, describeString } from '#selection/match-string.ts';
import type { RequestView } from '#selection/request-view.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

export function compileConditions(match: RouteMatch, runtime: RuntimeLookup): Condition[] {
  return [
    ...(match.runtimeFraction === undefined ? [] : [runtimeCondition(match.runtimeFraction, runtime)]),
    ...(match.grpc ? [grpcCondition()] : []),
    ...match.headers.map(headerCondition),
    ...match.queryParameters.map(queryCondition),
    ...match.cookies.map(cookieCondition),
    ...tlsConditions(match.tlsContext),
    ...match.dynamicMetadata.map(metadataCondition),
    ...match.filterState.map(filterStateCondition),
  ];
}

function runtimeCondition(fraction: NonNullable<RouteMatch['runtimeFraction']>, runtime: RuntimeLookup): Condition {
  const { numerator, denominator, runtimeKey } = fraction;
  const key = runtimeKey === '' ? '' : ` (runtime key ${runtimeKey})`;
  return new Condition(
    (request) => runtime.enabled(fraction, request.random),
    () => `runtime fraction ${numerator} of ${denominator}${key}: this request is not among them`,
  );
}

/** Follows https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: `application/grpc`, alone or with a suffix. */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType === undefined || !contentType.startsWith('application/grpc')) return false;
  return contentType.length === 16 || contentType[16] === '+';
}

function grpcCondition(): Condition {
  const contentType = (request: RequestView) => request.headers.get('content-type');
  return new Condition(
    (request) => isGrpc(contentType(request)),
    (request) => {
      const value = contentType(request);
      return `grpc: expected content type application/grpc, the request has ${value === undefined ? 'none' : JSON.stringify(value)}`;
    },
  );
}

function tlsConditions(criteria: RouteMatch['tlsContext']): Condition[] {
  const conditions: Condition[] = [];
  for (const part of ['presented', 'validated'] as const) {
    const expected = criteria?.[part];
    if (expected === undefined) continue;
    conditions.push(
      new Condition(
        (request) => (request.connection.tls?.[part] ?? false) === expected,
        () => `tls context: expected a client certificate ${expected ? '' : 'not '}to be ${part}`,
      ),
    );
  }
  return conditions;
}

function filterStateCondition({ key, matcher }: RouteMatch['filterState'][number]): Condition {
  const test = compileString(matcher);
  return new Condition(
    (request) => {
      const value = request.filterState?.get(key);
      return value !== undefined && test(String(value));
    },
    (request) => {
      const value = request.filterState?.get(key);
      return `filter state ${key}: expected ${describeString(matcher)}, ${value === undefined ? 'there is none' : `it is ${JSON.stringify(String(value))}`}`;
    },
  );
}
