/**
 * Routes that answer without an upstream: redirects, direct responses, and the redirect to https that a virtual host may require.
 * Follows config.route.v3.RedirectAction, DirectResponseAction and VirtualHost.require_tls.
 */
import type { DirectResponseAction, RedirectAction } from '#config/model/route.ts';
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { contentTypeOf, sendLocalReply } from '#proxy/http/local-reply.ts';
import { watchedBody } from '#proxy/http/router/watched-body.ts';
import { compileFormat, compileFormatConfig, type Formatter } from '#proxy/observe/format/compile-format.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import { redirect } from '#selection/redirect.ts';
import { Known } from '#wire/known-headers.ts';

const formatters = new WeakMap<DirectResponseAction, Formatter>();
const paths = new WeakMap<RedirectAction, Formatter>();

/** @returns whether the stream was answered */
export function answerDirectly(stream: HttpStream, manager: ConnectionManager): boolean {
  const { selected, selectedHost } = stream;
  if (selectedHost === undefined || selected === undefined) return false;
  const { action } = selected.config;
  if (action.kind === 'route') return false;
  if (action.kind === 'redirect') {
    // As by Envoy, which leaves `rq_redirect` at 0.
    manager.routerStats.rqDirectResponse.inc();
    const location = redirect(selected, stream, formattedPath(action, stream));
    showRewritten(stream, selected.rewrite?.(stream.path));
    sendLocalReply(stream, action.responseCode, '', 'direct_response', (reply) => {
      reply.responseHeaders.setKnown(Known.location, location);
    });
    return true;
  }
  if (action.kind === 'non_forwarding') {
    // No filter answered: for the router, the route has no cluster.
    manager.routerStats.noCluster.inc();
    stream.flags |= Flag.NoClusterFound;
    sendLocalReply(stream, 503, '', 'cluster_not_found');
    return true;
  }
  manager.routerStats.rqDirectResponse.inc();
  const moved = action.status === 201 || (action.status >= 300 && action.status < 400);
  const contentType = action.bodyFormat === undefined ? '' : contentTypeOf(action.bodyFormat);
  sendLocalReply(stream, action.status, bodyOf(action, stream), 'direct_response', (reply) => {
    const { responseHeaders } = reply;
    if (moved) responseHeaders.setKnown(Known.location, `${stream.scheme}://${stream.host}${stream.path}`);
    if (contentType !== '') responseHeaders.setKnown(Known['content-type'], contentType);
  });
  return true;
}

/** Logs show the path that the client is sent to, where the redirect rewrites it. */
function showRewritten(stream: HttpStream, path: string | undefined): void {
  if (path === undefined || path === stream.path) return;
  stream.originalPath = stream.path;
  stream.requestHeaders.setKnown(Known['x-envoy-original-path'], stream.path);
  stream.path = path;
}

function formattedPath(action: RedirectAction, stream: HttpStream): string {
  if (action.pathRewrite === undefined) return '';
  let formatter = paths.get(action);
  if (formatter === undefined) {
    formatter = compileFormat(action.pathRewrite, '');
    paths.set(action, formatter);
  }
  return formatter.format(stream);
}

function bodyOf(action: DirectResponseAction, stream: HttpStream): string {
  if (action.bodyFormat === undefined) {
    if (action.file !== undefined) return watchedBody(action, action.file);
    return action.body === undefined ? '' : Buffer.from(action.body).toString('latin1');
  }
  let formatter = formatters.get(action);
  if (formatter === undefined) {
    formatter = compileFormatConfig(action.bodyFormat);
    formatters.set(action, formatter);
  }
  return formatter.format(stream);
}
