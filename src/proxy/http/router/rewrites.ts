/**
 * Path and host as the upstream gets them. Follows config.route.v3.RouteAction's prefix_rewrite, regex_rewrite, path_rewrite_policy and host
 * rewrites.
 */
import type { RouteAction, WeightedCluster } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Host } from '#proxy/upstream/host.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import { rewriteHost, rewritePath } from '#selection/rewrite.ts';
import { Known } from '#wire/known-headers.ts';

export function applyRewrites(
  stream: HttpStream,
  route: CompiledRoute,
  action: RouteAction,
  weighted: WeightedCluster | undefined,
  host: Host,
  suppressEnvoyHeaders: boolean,
): void {
  const headers = stream.requestHeaders;
  const rewritten = weighted?.hostRewriteLiteral || rewriteHost(action, stream, host.hostname);
  if (rewritten !== undefined && rewritten !== '' && rewritten !== stream.host) {
    if (action.appendXForwardedHost) {
      const before = headers.joined('x-forwarded-host');
      headers.setKnown(Known['x-forwarded-host'], before === undefined ? stream.host : `${before},${stream.host}`);
    }
    if (!suppressEnvoyHeaders) headers.setKnown(Known['x-envoy-original-host'], stream.host);
    stream.host = rewritten;
  }
  const path = rewritePath(route, stream.path);
  if (path === undefined || path === stream.path) return;
  stream.originalPath = stream.path;
  if (!suppressEnvoyHeaders) headers.setKnown(Known['x-envoy-original-path'], stream.path);
  stream.path = path;
}
