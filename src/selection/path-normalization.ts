/**
 * The path of a request before routing sees it: normalized as RFC 3986 section 6 says, slashes merged, escaped slashes as configured.
 * Follows normalize_path, merge_slashes and path_with_escaped_slashes_action of the connection manager; what Envoy makes of a few hundred
 * paths is on record in testdata/paths.jsonl.
 */
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RuntimeLookup } from '#selection/runtime-lookup.ts';

/** The path to go on with, and what to do with the request. */
export type NormalizedPath =
  | { kind: 'forward'; path: string }
  /** `path` is as far as it came: logs show it. */
  | { kind: 'reject'; path: string }
  | { kind: 'redirect'; path: string };

/** What is done with paths. */
export interface PathRules {
  normalizePath: boolean;
  mergeSlashes: boolean;
  escapedSlashes: 'KEEP_UNCHANGED' | 'REJECT_REQUEST' | 'UNESCAPE_AND_REDIRECT' | 'UNESCAPE_AND_FORWARD';
}

const KEY = 'http_connection_manager.';
const ESCAPED_SLASH = /%2f|%5c/i;

/**
 * The rules as they are when the connection manager is made: where it does not say, the runtime does. What that says later changes nothing,
 * as in Envoy.
 * @param random decides for keys that are a share of all; a whole number
 */
export function pathRules(config: HttpConnectionManager, runtime: RuntimeLookup, random: number): PathRules {
  const { normalizePath, mergeSlashes, pathWithEscapedSlashesAction: action } = config;
  const isEnabled = (key: string, share: number) => random % 100 < runtime.integer(`${KEY}${key}`, share);
  return {
    normalizePath: normalizePath ?? isEnabled('normalize_path', 0),
    mergeSlashes,
    escapedSlashes: isEnabled('path_with_escaped_slashes_action_enabled', 100)
      ? escapedSlashes(action, runtime)
      : 'KEEP_UNCHANGED',
  };
}

function escapedSlashes(
  action: HttpConnectionManager['pathWithEscapedSlashesAction'],
  runtime: RuntimeLookup,
): PathRules['escapedSlashes'] {
  if (action !== 'IMPLEMENTATION_SPECIFIC_DEFAULT') return action;
  return ACTIONS[runtime.integer(`${KEY}path_with_escaped_slashes_action`, 0)] ?? 'KEEP_UNCHANGED';
}

/** By number of PathWithEscapedSlashesAction. */
const ACTIONS: readonly (PathRules['escapedSlashes'] | undefined)[] = [
  undefined,
  'KEEP_UNCHANGED',
  'REJECT_REQUEST',
  'UNESCAPE_AND_REDIRECT',
  'UNESCAPE_AND_FORWARD',
];

/** @param path path and query; `%`-encoded as it came */
export function normalizePath(path: string, rules: PathRules): NormalizedPath {
  // A fragment has no business on the wire, whatever the configuration.
  if (path.includes('#')) return { kind: 'reject', path };
  const { escapedSlashes } = rules;
  if (!rules.normalizePath && !rules.mergeSlashes && escapedSlashes === 'KEEP_UNCHANGED')
    return { kind: 'forward', path };
  const cut = path.indexOf('?');
  let pure = cut < 0 ? path : path.slice(0, cut);
  let redirect = false;
  if (escapedSlashes !== 'KEEP_UNCHANGED' && ESCAPED_SLASH.test(pure)) {
    pure = pure.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    if (escapedSlashes === 'REJECT_REQUEST') return { kind: 'reject', path: withQuery(pure, path, cut) };
    redirect = escapedSlashes === 'UNESCAPE_AND_REDIRECT';
  }
  if (rules.normalizePath) {
    const canonical = canonicalPath(pure);
    if (canonical === undefined) return { kind: 'reject', path: withQuery(pure, path, cut) };
    pure = canonical;
  }
  if (rules.mergeSlashes && pure.includes('//')) pure = mergeSlashes(pure);
  return { kind: redirect ? 'redirect' : 'forward', path: withQuery(pure, path, cut) };
}

function withQuery(pure: string, path: string, cut: number): string {
  return cut < 0 ? pure : pure + path.slice(cut);
}

/** Nothing but slashes stays two of them: the first and the last are never one, as in Envoy. */
function mergeSlashes(path: string): string {
  const merged = path.replace(/\/{2,}/g, '/');
  return merged === '/' ? '//' : merged;
}

/** What canonicalPath leaves as it is: no escapes, no segment that begins with a dot. */
const CANONICAL = /^(?:\/[A-Za-z0-9\-_~!$&'()*+,;=:@[\]][A-Za-z0-9\-._~!$&'()*+,;=:@[\]]*)*\/?$/;
/** `..;x` climbs like `..` does for some upstreams, so it does here. */
const DOTS_WITH_PARAMETERS = /(\/\.\.?);[^/]*/g;
const ESCAPE = /%[0-9A-Fa-f]{2}/y;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const TO_BE_ESCAPED = /["<>^`{|}]/;

/**
 * Backslashes become slashes, dot segments go, escapes of unreserved characters are decoded, and what may not stand in a path is escaped.
 * Other escapes stay as they are spelled. @returns undefined for a path that cannot be had: one with a NUL
 */
function canonicalPath(path: string): string | undefined {
  if (CANONICAL.test(path)) return path;
  const decoded = decodeUnreserved(path.replace(DOTS_WITH_PARAMETERS, '$1').replaceAll('\\', '/'));
  return decoded === undefined ? undefined : withoutDotSegments(decoded);
}

function decodeUnreserved(path: string): string | undefined {
  let decoded = '';
  /** Where in `decoded` the last `%` stands that begins no escape. */
  let bare = -1;
  for (let i = 0; i < path.length; i++) {
    const character = path[i];
    if (character !== '%') {
      decoded += TO_BE_ESCAPED.test(character) ? escapeOf(character) : character;
      continue;
    }
    ESCAPE.lastIndex = i;
    if (!ESCAPE.test(path)) {
      bare = decoded.length;
      decoded += '%';
      continue;
    }
    const code = Number.parseInt(path.slice(i + 1, i + 3), 16);
    if (code === 0) return undefined;
    const meant = String.fromCharCode(code);
    if (UNRESERVED.test(meant)) {
      decoded += meant;
      if (bare >= 0 && decoded.length - bare <= 3 && beginsEscape(decoded.slice(bare) + path.slice(i + 3, i + 4))) {
        decoded = `${decoded.slice(0, bare)}%25${decoded.slice(bare + 1)}`;
        bare = -1;
      }
    } else decoded += path.slice(i, i + 3);
    i += 2;
  }
  return decoded;
}

/** Decoding must not make up a new escape: `%2%66` is no `%2f`. */
function beginsEscape(text: string): boolean {
  ESCAPE.lastIndex = 0;
  return ESCAPE.test(text);
}

function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** RFC 3986, section 5.2.4. */
function withoutDotSegments(path: string): string {
  const segments: string[] = [];
  const parts = path.slice(1).split('/');
  for (const [i, part] of parts.entries()) {
    if (part === '..') segments.pop();
    else if (part !== '.') {
      segments.push(part);
      continue;
    }
    if (i === parts.length - 1) segments.push('');
  }
  return `/${segments.join('/')}`;
}
