/**
 * Names that need no server: those of /etc/hosts, and localhost. Follows hosts(5) and RFC 6761, section 6.3.
 */
import { isIP } from 'node:net';

/** Addresses by name in lower case, in the order of the file. */
export type HostsTable = ReadonlyMap<string, readonly string[]>;

export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const addresses = table.get(name.toLowerCase());
      if (addresses === undefined) table.set(name.toLowerCase(), [address]);
      else if (!addresses.includes(address)) addresses.push(address);
    }
  }
  return table;
}

/** @returns addresses of that version of IP; empty where a server is to be asked. */
export function addressesOfHost(table: HostsTable, name: string, version: 4 | 6): readonly string[] {
  const key = name.toLowerCase().replace(/\.$/, '');
  const found = (table.get(key) ?? []).filter((address) => isIP(address) === version);
  if (found.length > 0 || !isLocalhost(key)) return found;
  return [version === 4 ? '127.0.0.1' : '::1'];
}

/** Such names never go to a server. */
export function isLocalhost(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}
