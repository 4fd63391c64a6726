/**
 * Redirects. Follows envoy.config.route.v3.RedirectAction.
 */
import type { Place } from '#api/place.ts';
import type { RedirectAction, RouteMatch } from '#config/model/route.ts';
import { readSubstitution } from '#config/read/regex.ts';
import { readFormatText } from '#config/read/route-rewrite.ts';
import { honours } from '#config/read/support.ts';
import type { RedirectAction as RedirectMessage } from '#envoy/config/route/v3/route_components_pb.js';

const check = honours('envoy.config.route.v3.RedirectAction', [
  'https_redirect',
  'scheme_redirect',
  'host_redirect',
  'port_redirect',
  'path_redirect',
  'prefix_rewrite',
  'regex_rewrite',
  'response_code',
  'strip_query',
  'path_rewrite',
]);

/** By the numbers of the enum. */
const CODES = [301, 302, 303, 307, 308] as const;

/** @param match of the route, which some rewrites do not go with. */
export function readRedirect(message: RedirectMessage, match: RouteMatch, at: Place): RedirectAction {
  check(message, at);
  const { schemeRewriteSpecifier: scheme, pathRewriteSpecifier: path } = message;
  if (path.case === 'prefixRewrite' && path.value !== '' && match.path.kind === 'path_match_policy') {
    throw at.field('prefix_rewrite').problem('Cannot use redirect.prefix_rewrite with path_match_policy');
  }
  const rewritten = path.case === 'pathRewrite' && path.value !== '';
  return {
    kind: 'redirect',
    httpsRedirect: scheme.case === 'httpsRedirect' && scheme.value,
    schemeRedirect: scheme.case === 'schemeRedirect' ? scheme.value : '',
    hostRedirect: message.hostRedirect,
    portRedirect: message.portRedirect,
    pathRedirect: path.case === 'pathRedirect' ? path.value : '',
    ...(rewritten ? { pathRewrite: readFormatText(path.value, 'path', at.field('path_rewrite')) } : {}),
    prefixRewrite: path.case === 'prefixRewrite' ? path.value : '',
    ...(path.case === 'regexRewrite' ? { regexRewrite: readSubstitution(path.value, at.field('regex_rewrite')) } : {}),
    responseCode: CODES[message.responseCode] ?? 301,
    stripQuery: message.stripQuery,
  };
}
