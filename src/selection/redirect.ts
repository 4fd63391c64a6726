/**
 * Where a redirect sends the client. Follows envoy.config.route.v3.RedirectAction and VirtualHost.require_tls.
 */
import type { RedirectAction } from '#config/model/route.ts';
import type { CompiledRoute } from '#selection/compiled-route.ts';
import type { RequestView } from '#selection/request-view.ts';

/**
 * @param formatted what the redirect's format of a path says, for who can format; empty where it has none.
 * @returns the value of `location` for a route whose action is a redirect.
 */
export function redirect(route: CompiledRoute, request: RequestView, formatted = ''): string {
  if (route.sslRedirect) return tlsRedirect(request);
  const action = route.config.action as RedirectAction;
  const scheme = schemeOf(action, request);
  const port = action.portRedirect === 0 ? '' : `:${action.portRedirect}`;
  const host = action.hostRedirect !== '' ? action.hostRedirect : hostOf(request, scheme, port !== '');
  const path = pathOf(action, formatted || action.pathRedirect, route, request.path);
  return `${scheme}://${host}${port}${path.startsWith('/') ? '' : '/'}${path}`;
}

/** @returns the same URL with https, for a virtual host that requires TLS. */
export function tlsRedirect(request: RequestView): string {
  return `https://${request.host}${request.path}`;
}

function schemeOf({ schemeRedirect, httpsRedirect }: RedirectAction, request: RequestView): string {
  if (schemeRedirect !== '') return schemeRedirect;
  return httpsRedirect ? 'https' : request.scheme;
}

/** The request's host; without its port where another is given, or where it is the old scheme's own and the scheme changes. */
function hostOf(request: RequestView, scheme: string, portGiven: boolean): string {
  const { host } = request;
  // The colon before a port; those within an IPv6 address do not count.
  const colon = host.startsWith('[') ? host.lastIndexOf(']:') + 1 : host.lastIndexOf(':');
  if (colon < 0 || (colon === 0 && host.startsWith('['))) return host;
  const port = host.slice(colon);
  const protocol = request.headers.get('x-forwarded-proto') ?? request.scheme;
  const ownPort = (protocol === 'https' && port === ':443') || (protocol === 'http' && port === ':80');
  return portGiven || (scheme !== protocol && ownPort) ? host.slice(0, colon) : host;
}

function pathOf({ stripQuery }: RedirectAction, wanted: string, route: CompiledRoute, path: string): string {
  if (wanted.includes('?')) return wanted;
  const query = path.indexOf('?');
  const target = wanted === '' ? (route.rewrite?.(path) ?? path) : wanted + (query < 0 ? '' : path.slice(query));
  if (!stripQuery) return target;
  const end = target.indexOf('?');
  return end < 0 ? target : target.slice(0, end);
}
