/**
 * The path of a request before routing sees it: normalized as RFC 3986 section 6 says, slashes merged, escaped slashes as configured.
 * Follows normalize_path, merge_slashes and path_with_escaped_slashes_action of the connection manager.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';

/** The path to go on with, and what to do with the request. */
export type NormalizedPath =
  | { kind: 'forward'; path: string }
  | { kind: 'reject' }
  | { kind: 'redirect'; path: string };

const ESCAPED_SLASH = /%2f|%5c/i;

/** @param path path and query; `%`-encoded as it came */
export function normalizePath(path: string, config: HttpConnectionManager): NormalizedPath {
  if (!config.normalizePath && !config.mergeSlashes && config.pathWithEscapedSlashesAction === 'KEEP_UNCHANGED') return { kind: 'forward', path };
  const cut = path.search(/[?#]/);
  let pure = cut < 0 ? path : path.slice(0, cut);
  const rest = cut < 0 ? '' : path.slice(cut);
  let redirect = false;
  if (config.pathWithEscapedSlashesAction !== 'KEEP_UNCHANGED' && ESCAPED_SLASH.test(pure)) {
    if (config.pathWithEscapedSlashesAction === 'REJECT_REQUEST') return { kind: 'reject' };
    pure = pure.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    redirect = config.pathWithEscapedSlashesAction === 'UNESCAPE_AND_REDIRECT';
  }
  if (config.normalizePath) {
    const canonical = canonicalPath(pure);
    if (canonical === undefined) return { kind: 'reject' };
    pure = canonical;
  }
  if (config.mergeSlashes) pure = pure.replace(/\/{2,}/g, '/');
  return { kind: redirect ? 'redirect' : 'forward', path: pure + rest };
}

const PLAIN = /^(?:\/[A-Za-z0-9\-_~!$&'()*+,;=:@][A-Za-z0-9\-._~!$&'()*+,;=:@]*)*\/?$/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;

/** Backslashes become slashes, dot segments go, escapes of unreserved characters are decoded, others written in capitals. */
function canonicalPath(path: string): string | undefined {
  if (PLAIN.test(path)) return path;
  const decoded = path.replace(/\\/g, '/').replace(/%([0-9A-Fa-f]{2})/g, (whole, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : whole.toUpperCase();
  });
  if (decoded.includes('%00') || !decoded.startsWith('/')) return undefined;
  const segments: string[] = [];
  const parts = decoded.slice(1).split('/');
  parts.forEach((part, i) => {
    const last = i === parts.length - 1;
    if (part === '..') segments.pop();
    else if (part !== '.') {
      segments.push(part);
      return;
    }
    if (last) segments.push('');
  });
  return `/${segments.join('/')}`;
}
