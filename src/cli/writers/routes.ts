/**
 * Route configurations as istioctl shows them.
 * Follows envoy.config.route.v3.RouteConfiguration and https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/
 */

import { istioResource } from '#cli/writers/istio-resource.ts';
import { describeMatch } from '#cli/writers/route-match.ts';
import { renderTable } from '#cli/writers/table.ts';
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export interface RouteTableOptions {
  verbose: boolean;
  /** In `proxy-config all`, names begin with `route/`. */
  named: boolean;
  color: boolean;
}

/** So many domains are shown. */
const SHOWN = 2;

/** Names that are numbers come first, by number; the others stay as they are. */
export function sortRoutes(routes: readonly JsonObject[], reader: DumpReader): JsonObject[] {
  const number = (route: JsonObject) => {
    const name = reader.text(route, 'name');
    return /^[+-]?\d{1,15}$/.test(name) ? Number(name) : Number.POSITIVE_INFINITY;
  };
  return [...routes].sort((a, b) => {
    const [left, right] = [number(a), number(b)];
    return left === right ? 0 : left < right ? -1 : 1;
  });
}

/** @param name of the one that is wanted; empty for all. */
export function filterRoutes(routes: readonly JsonObject[], name: string, reader: DumpReader): JsonObject[] {
  return sortRoutes(routes, reader).filter((route) => name === '' || reader.text(route, 'name') === name);
}

export function routesTable(
  routes: readonly JsonObject[],
  reader: DumpReader,
  { verbose, named, color }: RouteTableOptions,
): string {
  const rows = routes.flatMap((route) => {
    const name = reader.text(route, 'name');
    reader.resource = `route configuration '${name}'`;
    const hosts = reader.objects(route, 'virtual_hosts');
    const first = named ? `route/${name}` : name;
    return verbose ? hosts.flatMap((host) => hostRows(first, host, reader)) : [[first, String(hosts.length)]];
  });
  const heading = verbose ? ['NAME', 'VHOST NAME', 'DOMAINS', 'MATCH', 'VIRTUAL SERVICE'] : ['NAME', 'VIRTUAL HOSTS'];
  return renderTable(heading, rows, { gap: 5, color });
}

function hostRows(name: string, host: JsonObject, reader: DumpReader): string[][] {
  const start = [name, reader.text(host, 'name'), describeDomains(reader.texts(host, 'domains'))];
  const routes = reader.objects(host, 'routes');
  if (routes.length === 0) return [[...start, '/*', '404']];
  return routes
    .filter((route) => reader.text(reader.object(route, 'route'), 'cluster') !== 'PassthroughCluster')
    .map((route) => [...start, describeMatch(reader.object(route, 'match'), reader), istioResource(route, reader)]);
}

/** The first domains that are neither the same with a port nor the long form of another. */
function describeDomains(domains: readonly string[]): string {
  if (domains.length <= 1) return domains.join();
  const portless = domains.filter((domain) => {
    const colons = domain.split(':').length - 1;
    return colons === 0 || (colons > 2 && domain.endsWith(']'));
  });
  const all = new Set(portless);
  const distinct = portless.filter((domain) => {
    const shorter = ['.svc.cluster.local', '.svc'].filter((suffix) => domain.endsWith(suffix));
    return !shorter.some((suffix) => all.has(domain.slice(0, -suffix.length)));
  });
  const shown = distinct.slice(0, SHOWN).join(', ');
  return distinct.length > SHOWN ? `${shown} + ${distinct.length - SHOWN} more...` : shown;
}
