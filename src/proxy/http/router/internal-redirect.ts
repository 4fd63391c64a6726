/**
 * Whether the proxy follows an upstream's redirect itself, and the request that comes of it. Follows
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_connection_management#internal-redirects
 */
import type { InternalRedirectPolicy, InternalRedirectPredicate } from '#config/model/route.ts';
import { noteCluster } from '#proxy/http/cluster-of.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Headers } from '#wire/headers.ts';
import { ParseError } from '#wire/http1/parse-error.ts';
import { parseTarget, type TargetParts } from '#wire/http1/request-target.ts';
import { Known } from '#wire/known-headers.ts';

/** RFC 9110, section 15.4.4: what follows it is a GET. */
export const SEE_OTHER = 303;

/** What one request has gone through. */
export interface FollowedRedirects {
  count: number;
  /** By the name of the route that redirected: the names of the routes that it led to. */
  routes: Map<string, Set<string>>;
}

/** The request as it was, to be restored where it cannot go on. */
type Before = Pick<HttpStream, 'host' | 'path' | 'scheme' | 'selected' | 'selectedHost'> & { headers: Headers };

const target: TargetParts = { scheme: '', authority: '', path: '' };

/**
 * Makes of the stream's request the one that the answer's Location asks for.
 * @returns false where the redirect is not followed: the request is as it was, and the reason is counted
 */
export function redirectRequest(
  stream: HttpStream,
  policy: InternalRedirectPolicy,
  status: number,
  answer: Headers,
): boolean {
  const { routerStats } = stream.manager;
  const location = answer.getKnown(Known.location);
  if (location === undefined) return false;
  const error = parseTarget('GET', location, target);
  if (error !== 0 && error !== ParseError.InvalidScheme) {
    routerStats.passthroughInternalRedirectBadLocation.inc();
    return false;
  }
  const from = stream.scheme === 'http' || stream.connection.tls === undefined ? 'http' : 'https';
  if (error !== 0 || (!policy.allowCrossSchemeRedirect && from !== target.scheme)) {
    routerStats.passthroughInternalRedirectUnsafeScheme.inc();
    return false;
  }
  stream.redirects ??= { count: 0, routes: new Map() };
  if (stream.redirects.count >= policy.maxInternalRedirects) {
    routerStats.passthroughInternalRedirectTooManyRedirects.inc();
    return false;
  }
  const { host, path, scheme, selected, selectedHost } = stream;
  const before = { host, path, scheme, selected, selectedHost, headers: new Headers() };
  before.headers.addAll(stream.requestHeaders);
  const redirecting = stream.route?.name ?? '';
  copyHeaders(policy.responseHeadersToCopy, answer, stream.requestHeaders);
  stream.scheme = target.scheme;
  stream.host = target.authority;
  stream.path = target.path.split('#', 1)[0];
  stream.manager.chooseRoute(stream);
  if (!mayTakeRoute(stream, policy, redirecting, from)) {
    restore(stream, before);
    return false;
  }
  const headers = stream.requestHeaders;
  if (status === SEE_OTHER && stream.method !== 'GET' && stream.method !== 'HEAD') {
    stream.method = 'GET';
    headers.removeKnown(Known['content-length']);
  }
  // Logs show the cluster that it goes on to.
  stream.clusterName = '';
  stream.cluster = undefined;
  noteCluster(stream);
  stream.redirects.count++;
  headers.setKnown(Known['x-envoy-original-url'], `${from}://${host}${path}`);
  return true;
}

function mayTakeRoute(
  { selected, redirects, manager }: HttpStream,
  { predicates }: InternalRedirectPolicy,
  redirecting: string,
  from: string,
): boolean {
  const { routerStats } = manager;
  if (selected === undefined) {
    routerStats.passthroughInternalRedirectNoRoute.inc();
    return false;
  }
  const { name } = selected.config;
  for (const predicate of predicates) {
    if (accepts(predicate, name, redirecting, from, redirects as FollowedRedirects)) continue;
    routerStats.passthroughInternalRedirectPredicate.inc();
    return false;
  }
  return true;
}

function accepts(
  predicate: InternalRedirectPredicate,
  route: string,
  redirecting: string,
  from: string,
  { routes }: FollowedRedirects,
): boolean {
  if (predicate.kind === 'allow_listed_routes') return predicate.allowedRouteNames.includes(route);
  if (predicate.kind === 'safe_cross_scheme') return from === 'https' || target.scheme === 'http';
  let seen = routes.get(redirecting);
  if (seen === undefined) {
    seen = new Set();
    routes.set(redirecting, seen);
  }
  if (seen.has(route)) return false;
  seen.add(route);
  return true;
}

/** What the answer has not is taken out of the request. */
function copyHeaders(names: readonly string[], from: Headers, to: Headers): void {
  for (const name of names) {
    to.remove(name);
    for (const value of from.all(name)) to.add(name, value);
  }
}

function restore(stream: HttpStream, { host, path, scheme, selected, selectedHost, headers }: Before): void {
  stream.selected = selected;
  stream.selectedHost = selectedHost;
  stream.host = host;
  stream.path = path;
  stream.scheme = scheme;
  stream.requestHeaders.clear();
  stream.requestHeaders.addAll(headers);
}
