/**
 * What clients of VHDS ask by: not the name of a virtual host, but the alias `<route configuration>/<host of a request>`. It means the
 * resource of that name, or else the one of that table whose domains take the host, as the proxy itself would choose.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds
 */
import type { Resource, Snapshot } from '#control/xds/snapshot.ts';
import type { VirtualHost } from '#envoy/config/route/v3/route_components_pb.js';
import type { RouteConfiguration } from '#envoy/config/route/v3/route_pb.js';

const VIRTUAL_HOST = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';
const TABLE = 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration';

type Resources = ReadonlyMap<string, Resource>;

/** The virtual hosts of one table by their domains. */
interface Domains {
  exact: Map<string, Resource>;
  /** Without their star; the longest first. */
  suffixes: [string, Resource][];
  prefixes: [string, Resource][];
  any: Resource | undefined;
}

const tablesOf = new WeakMap<Resources, Map<string, Domains>>();

export function virtualHostFor(alias: string, resources: Resources): Resource | undefined {
  const named = resources.get(alias);
  if (named !== undefined) return named;
  const [table, host] = parts(alias);
  const domains = tables(resources).get(table);
  if (domains === undefined) return undefined;
  const portAt = /:\d+$/.exec(host)?.index;
  return (
    find(domains, host) ?? (portAt === undefined ? undefined : find(domains, host.slice(0, portAt))) ?? domains.any
  );
}

/** The route configurations that virtual hosts are there for, or that say that theirs are fetched. */
export function tablesWithVirtualHosts({ sets }: Snapshot): Set<string> {
  const names = new Set(tables(sets.get(VIRTUAL_HOST)?.resources ?? new Map()).keys());
  for (const { name, message } of sets.get(TABLE)?.resources.values() ?? []) {
    if ((message as RouteConfiguration).vhds !== undefined) names.add(name);
  }
  return names;
}

function find({ exact, suffixes, prefixes }: Domains, host: string): Resource | undefined {
  const longer = (rest: string) => host.length > rest.length;
  return (
    exact.get(host) ??
    suffixes.find(([suffix]) => longer(suffix) && host.endsWith(suffix))?.[1] ??
    prefixes.find(([prefix]) => longer(prefix) && host.startsWith(prefix))?.[1]
  );
}

/** Made once for each set of resources. */
function tables(resources: Resources): Map<string, Domains> {
  const known = tablesOf.get(resources);
  if (known !== undefined) return known;
  const made = new Map<string, Domains>();
  for (const resource of resources.values()) {
    const [table] = parts(resource.name);
    let domains = made.get(table);
    if (domains === undefined) {
      domains = { exact: new Map(), suffixes: [], prefixes: [], any: undefined };
      made.set(table, domains);
    }
    for (const domain of (resource.message as VirtualHost).domains) add(domains, domain.toLowerCase(), resource);
  }
  for (const { suffixes, prefixes } of made.values())
    for (const list of [suffixes, prefixes]) list.sort(([a], [b]) => b.length - a.length);
  tablesOf.set(resources, made);
  return made;
}

function add(domains: Domains, domain: string, resource: Resource): void {
  if (domain === '*') domains.any = resource;
  else if (domain.startsWith('*')) domains.suffixes.push([domain.slice(1), resource]);
  else if (domain.endsWith('*')) domains.prefixes.push([domain.slice(0, -1), resource]);
  else domains.exact.set(domain, resource);
}

/** Names of tables may have slashes; hosts have none. */
function parts(name: string): [table: string, host: string] {
  const slash = name.lastIndexOf('/');
  return [name.slice(0, Math.max(0, slash)), name.slice(slash + 1)];
}
