/**
 * Says why a virtual host was chosen and why the others were not. Only for a recorder.
 */
import type { CompiledRouteTable, CompiledVirtualHost } from '#selection/compiled-route.ts';
import { lowerAscii } from '#selection/match-string.ts';
import type { Recorder } from '#selection/recorder.ts';

/** How specific a domain is: the lower, the nearer. */
const EXACT = 0;
const SUFFIX = 1;
const PREFIX = 2;
const ANY = 3;
const WORDS = [
  'an exact match',
  'the longest suffix that matches',
  'the longest prefix that matches',
  'the least specific',
];

interface DomainMatch {
  domain: string;
  rank: number;
}

/** @param name the host as it was matched. */
export function recordVirtualHosts(
  table: CompiledRouteTable,
  chosen: CompiledVirtualHost | undefined,
  name: string,
  recorder: Recorder,
): void {
  const best = chosen === undefined ? undefined : bestDomain(chosen, name);
  if (chosen !== undefined && best !== undefined) {
    const why =
      best.rank === ANY ? `no domain is nearer to ${name} than *` : `domain ${best.domain} is ${WORDS[best.rank]}`;
    recorder.won('virtual_host', chosen.config.name, why);
  }
  for (const other of table.virtualHosts) {
    if (other === chosen) continue;
    const match = bestDomain(other, name);
    const why =
      match === undefined
        ? mismatch(other, name)
        : match.rank === ANY
          ? '* is the least specific'
          : beaten(match, best);
    recorder.lost('virtual_host', other.config.name, why);
  }
}

function beaten({ domain }: DomainMatch, best: DomainMatch | undefined): string {
  return `${domain} is less specific than ${best?.domain}`;
}

function mismatch(virtualHost: CompiledVirtualHost, name: string): string {
  const domains = virtualHost.config.domains;
  if (domains.length === 1) return `domain ${domains[0]} does not match ${name}`;
  const shown = domains.slice(0, 3).join(', ');
  return `domains ${shown}${domains.length > 3 ? ` and ${domains.length - 3} more` : ''} do not match ${name}`;
}

/** @returns the most specific of the virtual host's domains that match. */
function bestDomain(virtualHost: CompiledVirtualHost, name: string): DomainMatch | undefined {
  let best: DomainMatch | undefined;
  for (const domain of virtualHost.config.domains) {
    const rank = rankOf(lowerAscii(domain), name);
    if (rank === undefined) continue;
    if (best === undefined || rank < best.rank || (rank === best.rank && domain.length > best.domain.length)) {
      best = { domain, rank };
    }
  }
  return best;
}

function rankOf(domain: string, name: string): number | undefined {
  if (domain === '*') return ANY;
  if (domain === name) return EXACT;
  if (domain.length > name.length) return undefined;
  if (domain.startsWith('*')) return name.endsWith(domain.slice(1)) ? SUFFIX : undefined;
  if (domain.endsWith('*')) return name.startsWith(domain.slice(0, -1)) ? PREFIX : undefined;
  return undefined;
}
