/**
 * What readers of routes know besides: everything that other readers know, and what the route table says for all its routes.
 * Follows envoy.config.route.v3.RouteConfiguration: `validate_clusters`, `max_direct_response_body_size_bytes`.
 */
import type { Place } from '#api/place.ts';
import { closest } from '#base/closest.ts';
import type { ReadContext } from '#config/read/context.ts';

/** `clusterNames` is undefined where the route table says that clusters are not checked. */
export interface RouteContext extends ReadContext {
  readonly maxDirectResponseBodySizeBytes: number;
}

/**
 * Notes a cluster that nobody defines.
 * @param kind what Envoy calls it: `cluster`, `weighted cluster`, `shadow cluster`.
 */
export function checkCluster(
  name: string,
  kind: string,
  at: Place,
  { clusterNames }: Pick<RouteContext, 'clusterNames'>,
): void {
  if (clusterNames === undefined || clusterNames.has(name)) return;
  const meant = closest(name, [...clusterNames]);
  at.report(`route: unknown ${kind} '${name}'`, meant === undefined ? undefined : `did you mean '${meant}'?`);
}
