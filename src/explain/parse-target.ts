/**
 * A URL or an address of the query, taken apart. A URL's path stays as it is written: what a proxy makes of dots, slashes and escapes is just
 * what is to be explained. Follows RFC 3986, section 3.
 */
import { isIP } from 'node:net';
import { encodeUtf8 } from '#selection/utf8-text.ts';

export interface Target {
  scheme: 'http' | 'https';
  /** As the Host field says it: without the scheme's own port. */
  authority: string;
  /** The name or address alone, IPv6 without brackets. */
  hostname: string;
  port: number;
  /** Path and query. */
  path: string;
}

const URL_PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)([^#]*)/;
/** What no HTTP client sends in a request line. */
const FORBIDDEN = /[\0-\x20\x7f]/;

/** @throws Error that says what is wrong, for the user. */
export function parseUrl(url: string): Target {
  const [, scheme = 'http', authority, rest] = URL_PARTS.exec(url) as unknown as [string, string?, ...string[]];
  const lowered = scheme.toLowerCase();
  if (lowered !== 'http' && lowered !== 'https') throw new Error(`URL '${url}': the scheme is neither http nor https`);
  if (FORBIDDEN.test(url)) throw new Error(`URL '${url}': it has a space or a control character; escape it`);
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const parts = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host);
  if (parts === null || parts[1] === '') throw new Error(`URL '${url}': it names no host`);
  const own = lowered === 'https' ? 443 : 80;
  const port = parts[2] === undefined || parts[2] === '' ? own : Number(parts[2]);
  if (port < 1 || port > 65_535) throw new Error(`URL '${url}': port ${parts[2]} is not from 1 to 65535`);
  return {
    scheme: lowered,
    authority: port === own ? parts[1] : `${parts[1]}:${port}`,
    hostname: parts[1].replace(/^\[|\]$/g, ''),
    port,
    path: encodeUtf8(rest.startsWith('/') ? rest : `/${rest}`),
  };
}

export interface SocketAddress {
  address: string;
  port: number;
}

/** `1.2.3.4:80`, `[::1]:80`, or an address alone. @throws Error that names the option. */
export function parseAddress(text: string, option: string): SocketAddress {
  if (isIP(text) !== 0) return { address: text, port: 0 };
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const address = parts?.[1] ?? parts?.[2] ?? '';
  const port = Number(parts?.[3] ?? 0);
  if (isIP(address) === 0 || port > 65_535) throw new Error(`${option} '${text}' is not of the form ip:port`);
  return { address, port };
}
