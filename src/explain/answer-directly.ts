/**
 * What the proxy answers on a route that goes to no upstream: a redirect or a direct response.
 * Follows envoy.config.route.v3.RedirectAction, DirectResponseAction and VirtualHost.require_tls.
 */
import type { DirectResponseAction, WeightedCluster } from '#config/model/route.ts';
import { ExplainedHeaders } from '#explain/explained-headers.ts';
import type { ExplainedResponse } from '#explain/explanation.ts';
import { type FillFormat, mutateResponseHeaders } from '#explain/mutate-headers.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { redirect } from '#selection/redirect.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

/** @returns undefined for a route that forwards. */
export function answerDirectly(
  route: CompiledRoute,
  request: RequestUnderWay,
  fill: FillFormat,
): ExplainedResponse | undefined {
  const { action } = route.config;
  if (action.kind === 'route' || action.kind === 'non_forwarding') return undefined;
  const headers = new ExplainedHeaders();
  if (action.kind === 'redirect') headers.add('location', redirect(route, request));
  mutateResponseHeaders(headers, route, undefined, fill);
  const location = headers.take('location');
  const body = action.kind === 'direct_response' ? bodyOf(action, fill) : '';
  return {
    status: action.kind === 'redirect' ? action.responseCode : action.status,
    details: 'direct_response',
    ...(location === undefined ? {} : { location: decodeUtf8(location) }),
    ...(body === '' ? {} : { body: decodeUtf8(body) }),
    headers: headers.list(),
  };
}

/** An answer of the proxy's own has what the route adds to every response. */
export function answerOnRoute(
  response: ExplainedResponse,
  route: CompiledRoute,
  weighted: WeightedCluster | undefined,
  fill: FillFormat,
): ExplainedResponse {
  const headers = new ExplainedHeaders(response.headers.map(({ name, value }) => [name, value] as const));
  mutateResponseHeaders(headers, route, weighted, fill);
  return { ...response, headers: headers.list() };
}

function bodyOf({ body, bodyFormat }: DirectResponseAction, fill: FillFormat): string {
  if (bodyFormat === undefined) return body === undefined ? '' : Buffer.from(body).toString('latin1');
  const text = bodyFormat.body.kind === 'text' ? bodyFormat.body.text : JSON.stringify(bodyFormat.body.json);
  return fill(text, bodyFormat.omitEmptyValues ? '' : '-');
}
