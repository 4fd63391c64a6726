/**
 * Addresses with a port as headers and metadata carry them: `10.0.0.1:80`, `[::1]:80`.
 */
import { isIPv4, isIPv6 } from 'node:net';

const HIGHEST_PORT = 65_535;

/** @returns undefined for what is no IP address with a port. */
export function parseIpPort(text: string): { address: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, v6, v4, digits] = match;
  const port = Number(digits);
  if (port > HIGHEST_PORT) return undefined;
  if (v6 !== undefined) return isIPv6(v6) ? { address: v6, port } : undefined;
  return isIPv4(v4) ? { address: v4, port } : undefined;
}

/** The name and the port of an authority; an IPv6 address without its brackets. */
export function splitHostPort(authority: string): { name: string; port?: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(authority);
  if (match === null) return { name: authority };
  const [, v6, name, port] = match;
  return { name: v6 ?? name, ...(port === undefined ? {} : { port: Number(port) }) };
}
