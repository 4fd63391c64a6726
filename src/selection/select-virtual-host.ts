/**
 * Chooses the virtual host of a request by its host: exact domains, then the longest `*suffix`, then the longest `prefix*`, then `*`.
 * Follows envoy.config.route.v3.VirtualHost.domains.
 */
import type { CompiledRouteTable, CompiledVirtualHost, WildcardLength } from '#selection/compiled-route.ts';
import { lowerAscii } from '#selection/match-string.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { RequestView } from '#selection/request-view.ts';
import { recordVirtualHosts } from '#selection/virtual-host-reasons.ts';

/**
 * The name that virtual hosts are chosen by: the host, or what the header that the table names says.
 * @returns undefined where there is no such header.
 */
export function hostForMatching(table: CompiledRouteTable, request: RequestView): string | undefined {
  const header = table.config.vhostHeader;
  return header === '' ? request.host : request.headers.get(header);
}

/**
 * @param host as {@link hostForMatching} says.
 * @returns the virtual host, or undefined: the caller answers 404 with details `route_not_found`.
 */
export function selectVirtualHost(
  table: CompiledRouteTable,
  host: string | undefined,
  recorder?: Recorder,
): CompiledVirtualHost | undefined {
  const chosen = table.onlyFallback ? table.fallback : find(table, host);
  if (recorder !== undefined) recordVirtualHosts(table, chosen, nameToMatch(table, host ?? ''), recorder);
  return chosen;
}

function find(table: CompiledRouteTable, host: string | undefined): CompiledVirtualHost | undefined {
  // No header to go by is no host at all; one that is empty is any.
  if (host === undefined) return undefined;
  if (host === '') return table.fallback;
  if (!table.config.ignorePortInHostMatching) {
    // Most hosts come in lower case: then no other form of the name is made.
    const exact = table.exact.get(host);
    if (exact !== undefined) return exact;
  }
  const name = nameToMatch(table, host);
  return (
    table.exact.get(name) ?? findSuffix(table.suffixes, name) ?? findPrefix(table.prefixes, name) ?? table.fallback
  );
}

function nameToMatch(table: CompiledRouteTable, host: string): string {
  return lowerAscii(table.config.ignorePortInHostMatching ? withoutPort(host) : host);
}

function findSuffix(wildcards: readonly WildcardLength[], name: string): CompiledVirtualHost | undefined {
  for (const { length, byRest } of wildcards) {
    // The star stands for at least one character.
    if (length >= name.length) continue;
    const match = byRest.get(name.slice(name.length - length));
    if (match !== undefined) return match;
  }
  return undefined;
}

function findPrefix(wildcards: readonly WildcardLength[], name: string): CompiledVirtualHost | undefined {
  for (const { length, byRest } of wildcards) {
    if (length >= name.length) continue;
    const match = byRest.get(name.slice(0, length));
    if (match !== undefined) return match;
  }
  return undefined;
}

/** The host without `:port`; the colons of an IPv6 address in brackets stay. */
export function withoutPort(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon < 0 || colon < host.lastIndexOf(']') ? host : host.slice(0, colon);
}
