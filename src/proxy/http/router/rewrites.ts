/**
 * Path and host as the upstream gets them. Follows config.route.v3.RouteAction's prefix_rewrite, regex_rewrite, path_rewrite_policy,
 * path_rewrite and host rewrites.
 */
import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { compileFormat, type Formatter } from '#proxy/observe/format/compile-format.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { pathEnd } from '#selection/path-match.ts';
import { rewriteHost, rewritePath } from '#selection/rewrite.ts';
import { Known } from '#wire/known-headers.ts';

/** The formats of routes that rewrite by format string, compiled when such a route is first taken. */
const compiled = new WeakMap<RouteAction, { path?: Formatter; host?: Formatter }>();

function formats(action: RouteAction): { path?: Formatter; host?: Formatter } {
  let found = compiled.get(action);
  if (found === undefined) {
    const { pathRewrite, hostRewrite } = action;
    found = {};
    if (pathRewrite !== '') found.path = compileFormat(pathRewrite, '');
    if (hostRewrite?.kind === 'format') found.host = compileFormat(hostRewrite.format);
    compiled.set(action, found);
  }
  return found;
}

function hostOf(action: RouteAction, stream: HttpStream, host: Host | undefined): string | undefined {
  if (action.hostRewrite?.kind === 'format') return formats(action).host?.format(stream);
  return rewriteHost(action, stream, host?.hostname ?? '');
}

/** A format says what stands before the query, which is kept. */
function pathOf(action: RouteAction, stream: HttpStream, route: CompiledRoute): string | undefined {
  if (action.pathRewrite === '') return rewritePath(route, stream.path);
  return `${formats(action).path?.format(stream)}${stream.path.slice(pathEnd(stream.path))}`;
}

/** @param host where the request goes, for auto_host_rewrite; undefined: not known yet. */
export function applyRewrites(
  stream: HttpStream,
  route: CompiledRoute,
  action: RouteAction,
  weighted: WeightedCluster | undefined,
  host: Host | undefined,
  suppressEnvoyHeaders: boolean,
): void {
  const headers = stream.requestHeaders;
  // A share's own host is set without a word of the one before; then comes what the route says.
  if (weighted !== undefined && weighted.hostRewriteLiteral !== '') stream.host = weighted.hostRewriteLiteral;
  const rewritten = hostOf(action, stream, host);
  if (rewritten !== undefined && rewritten !== '') {
    if (!suppressEnvoyHeaders) headers.setKnown(Known['x-envoy-original-host'], stream.host);
    if (action.appendXForwardedHost) {
      const before = headers.joined('x-forwarded-host');
      headers.setKnown(Known['x-forwarded-host'], before === undefined ? stream.host : `${before},${stream.host}`);
    }
    stream.host = rewritten;
  }
  const path = pathOf(action, stream, route);
  if (path === undefined) return;
  stream.originalPath = stream.path;
  if (!suppressEnvoyHeaders) headers.setKnown(Known['x-envoy-original-path'], stream.path);
  stream.path = path;
}
