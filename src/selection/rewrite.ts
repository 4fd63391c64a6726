/**
 * Path and host as the upstream gets them. Follows envoy.config.route.v3.RouteAction: prefix_rewrite, regex_rewrite, path_rewrite_policy and
 * the host rewrites. Rewrites by format string (path_rewrite, host_rewrite) belong to who can format: the data path.
 */
import type { RouteAction, RouteMatch } from '#config/model/route.ts';
import { pathTemplatePattern, pathTemplateRewrite } from '#config/syntax/path-template.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { lowerAscii } from '#selection/match-string.ts';
import { pathEnd } from '#selection/path-match.ts';
import { fullGroups, replacer } from '#selection/regex.ts';
import type { RequestView } from '#selection/request-view.ts';

/** @returns the new path, query kept; undefined where it stays. */
export type PathRewrite = (path: string) => string | undefined;

/** What rewriting the route, or its redirect, asks for. */
interface RewriteConfig {
  prefixRewrite: string;
  regexRewrite?: { regex: string; substitution: string };
  pathRewritePolicy?: { template: string };
}

/** @returns undefined where nothing is rewritten. */
export function compilePathRewrite(match: RouteMatch, config: RewriteConfig): PathRewrite | undefined {
  if (config.prefixRewrite !== '') return prefixRewrite(match, config.prefixRewrite);
  if (config.regexRewrite !== undefined) {
    const replace = replacer(config.regexRewrite.regex, config.regexRewrite.substitution);
    return (path) => {
      const end = pathEnd(path);
      return replace(path.slice(0, end)) + path.slice(end);
    };
  }
  if (config.pathRewritePolicy !== undefined) return templateRewrite(match, config.pathRewritePolicy.template);
  return undefined;
}

/** Replaces what the route matched: its prefix or path, or for other matches all before the query. */
function prefixRewrite({ path: match, caseSensitive }: RouteMatch, rewrite: string): PathRewrite {
  if (match.kind === 'prefix' || match.kind === 'path' || match.kind === 'path_separated_prefix') {
    const { value } = match;
    const { length } = value;
    const lowered = lowerAscii(value);
    // A path that matched only without its parameters stays as it is.
    return (path) =>
      path.startsWith(value) || (!caseSensitive && lowerAscii(path.slice(0, length)) === lowered)
        ? rewrite + path.slice(length)
        : undefined;
  }
  return (path) => rewrite + path.slice(pathEnd(path));
}

function templateRewrite({ path: match }: RouteMatch, rewrite: string): PathRewrite | undefined {
  if (match.kind !== 'path_match_policy') return undefined;
  const template = pathTemplatePattern(match.template);
  const pieces = pathTemplateRewrite(rewrite, template);
  const groupsOf = fullGroups(template.pattern);
  return (path) => {
    const end = pathEnd(path);
    const groups = groupsOf(path.slice(0, end));
    if (groups === undefined) return path;
    return pieces.map((piece) => (typeof piece === 'string' ? piece : groups[piece])).join('') + path.slice(end);
  };
}

/** @returns the path that the upstream gets, or undefined where the route rewrites none. */
export function rewritePath(route: CompiledRoute, path: string): string | undefined {
  return route.rewrite?.(path);
}

/** Replacers of `host_rewrite_path_regex`, by the configuration that they come from. */
const hostReplacers = new WeakMap<object, (path: string) => string>();

/**
 * @param upstreamHostname the name of the endpoint, for `auto_host_rewrite`.
 * @returns the host that the upstream gets, or undefined where it stays.
 */
export function rewriteHost(action: RouteAction, request: RequestView, upstreamHostname: string): string | undefined {
  const { hostRewrite } = action;
  switch (hostRewrite?.kind) {
    case undefined:
      return undefined;
    case 'literal':
      return some(hostRewrite.value);
    case 'auto':
      return some(upstreamHostname);
    case 'header':
      return some(request.headers.get(hostRewrite.header) ?? '');
    case 'path_regex': {
      let replace = hostReplacers.get(hostRewrite);
      if (replace === undefined) {
        replace = replacer(hostRewrite.regex, hostRewrite.substitution);
        hostReplacers.set(hostRewrite, replace);
      }
      return some(replace(request.path.slice(0, pathEnd(request.path))));
    }
    case 'format':
      return undefined;
  }
}

function some(value: string): string | undefined {
  return value === '' ? undefined : value;
}
