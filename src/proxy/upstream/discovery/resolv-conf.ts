/**
 * The system's choice of servers and search domains. Follows resolv.conf(5), as c-ares reads it.
 */

import { isIP } from 'node:net';
import { hostname } from 'node:os';

/** Who is asked where the system names no server. */
export const NOBODY = '127.0.0.1:53';

export interface ResolvConf {
  /** As `ip:port`. */
  servers: string[];
  /** Appended to names that have fewer dots than `ndots` before those are tried as they are, and to others after that. */
  search: string[];
  ndots: number;
}

/**
 * @param host the name of this machine: where there is no search list, its domain is one.
 * @param environment LOCALDOMAIN, of which c-ares takes one domain, is over the search list, RES_OPTIONS over the options.
 */
export function parseResolvConf(text: string, host = hostname(), environment = process.env): ResolvConf {
  const servers: string[] = [];
  let search: string[] | undefined;
  let ndots = 1;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = words(line.replace(/[#;].*/, ''));
    if (keyword === 'nameserver' && isIP(values[0]?.replace(/%.*/, '') ?? '') > 0) servers.push(serverAt(values[0]));
    else if (keyword === 'search' || keyword === 'domain') search = values;
    else if (keyword === 'options') ndots = ndotsOf(values) ?? ndots;
  }
  const { LOCALDOMAIN, RES_OPTIONS } = environment;
  if (LOCALDOMAIN !== undefined) search = words(LOCALDOMAIN).slice(0, 1);
  if (RES_OPTIONS !== undefined) ndots = ndotsOf(words(RES_OPTIONS)) ?? ndots;
  const dot = host.indexOf('.');
  search ??= dot > 0 && dot < host.length - 1 ? [host.slice(dot + 1)] : [];
  return { servers: servers.length > 0 ? servers : [NOBODY], search, ndots };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function serverAt(address: string): string {
  return address.includes(':') ? `[${address}]:53` : `${address}:53`;
}

function ndotsOf(options: string[]): number | undefined {
  const option = options.find((value) => /^ndots:\d+$/.test(value));
  return option === undefined ? undefined : Math.min(15, Number(option.slice('ndots:'.length)));
}

/** The names to ask for, in order. A name that ends in a dot is complete. */
export function candidates(name: string, { search, ndots }: Pick<ResolvConf, 'search' | 'ndots'>): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const longer = search.map((domain) => `${name}.${domain.replace(/\.$/, '')}`);
  return name.split('.').length - 1 >= ndots ? [name, ...longer] : [...longer, name];
}
