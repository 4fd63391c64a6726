/**
 * What a route asks of a request, in words for people: its path first.
 * Follows envoy.config.route.v3.RouteMatch.
 */
import type { RouteMatch } from '#config/model/route.ts';
import { describeHeader } from '#selection/match-header.ts';
import { describePath } from '#selection/path-match.ts';

/** @returns `prefix /v1, header x-user exact "jason", query parameter page`, and so on */
export function describeMatch(match: RouteMatch): string {
  const { runtimeFraction, headers, queryParameters, cookies, grpc, tlsContext, dynamicMetadata, filterState } = match;
  return [
    describePath(match),
    ...(runtimeFraction === undefined ? [] : ['runtime fraction']),
    ...(grpc ? ['grpc'] : []),
    ...headers.map((header) => `header ${header.name} ${describeHeader(header).replace(/^to be /, '')}`),
    ...queryParameters.map(({ name }) => `query parameter ${name}`),
    ...cookies.map(({ name }) => `cookie ${name}`),
    ...(tlsContext === undefined ? [] : ['client certificate']),
    ...(dynamicMetadata.length === 0 ? [] : ['dynamic metadata']),
    ...filterState.map(({ key }) => `filter state ${key}`),
  ].join(', ');
}
