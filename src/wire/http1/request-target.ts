/**
 * The forms of a request target (RFC 9112, section 3.2) and what may stand in an authority (RFC 3986, section 3.2), as strictly as Envoy
 * reads them.
 */
import { ParseError } from '#wire/http1/parse-error.ts';

/** What an absolute form or that of CONNECT says. */
export interface TargetParts {
  /** Lower case; empty for CONNECT. */
  scheme: string;
  /** Host and port, without user information. */
  authority: string;
  /** Path and query; begins with `?` where there is no path, and is empty for CONNECT. */
  path: string;
}

/** Scheme, authority, and path with query: the characters are checked, the parts not yet. */
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([A-Za-z0-9!$%&'()*+,.:;=@[\]_~-]*)([/?].*)?$/;
const CONNECT = /^[A-Za-z0-9!$%&'()*+,.:;=@[\]_~-]+([/?].*)?$/;
/** User information, host, port. */
const AUTHORITY = /^(?:[A-Za-z0-9!$%&'()*+,.:;=_~-]*@)?([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?$/;
const MAX_PORT = 65_535;
const ASTERISK = 42;
const SLASH = 47;

/**
 * Takes apart a target that does not begin with a slash.
 * @returns 0 and the parts in `into`, or a ParseError: BadTarget where a character may not stand there, else what is wrong with the URL
 */
export function parseTarget(method: string, target: string, into: TargetParts): number {
  if (method === 'CONNECT') return parseConnect(target, into);
  if (target.charCodeAt(0) === ASTERISK) return ParseError.InvalidUrl;
  const parts = ABSOLUTE.exec(target);
  if (parts === null || parts[2].includes('@@')) return ParseError.BadTarget;
  const scheme = parts[1].toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') return ParseError.InvalidScheme;
  if (!readAuthority(parts[2], into)) return ParseError.InvalidUrl;
  into.scheme = scheme;
  into.path = parts[3] ?? '/';
  return 0;
}

/** Host and port, both of them (RFC 9112, section 3.2.3). */
function parseConnect(target: string, into: TargetParts): number {
  const first = target.charCodeAt(0);
  if (first === SLASH || first === ASTERISK) return ParseError.InvalidUrl;
  const parts = CONNECT.exec(target);
  if (parts === null || target.includes('@@')) return ParseError.BadTarget;
  if (parts[1] !== undefined || !/:[0-9]+$/.test(target) || !readAuthority(target, into)) return ParseError.InvalidUrl;
  into.scheme = '';
  into.path = '';
  return 0;
}

function readAuthority(text: string, into: TargetParts): boolean {
  const parts = AUTHORITY.exec(text);
  if (parts === null || Number(parts[2] ?? 0) > MAX_PORT) return false;
  into.authority = parts[2] === undefined ? parts[1] : `${parts[1]}:${parts[2]}`;
  return true;
}

/** 1 where the character may stand in a Host field. */
const HOST = new Uint8Array(256);
for (let c = 33; c < 127; c++) HOST[c] = '"#/<>?\\^`{|}'.includes(String.fromCharCode(c)) ? 0 : 1;

/** Whether every character may stand in a Host field; its form is not looked at. */
export function isHostText(host: string): boolean {
  for (let i = 0; i < host.length; i++) if (HOST[host.charCodeAt(i)] !== 1) return false;
  return true;
}
