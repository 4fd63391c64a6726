/**
 * Which redirects of upstreams the proxy follows itself. Follows envoy.config.route.v3.InternalRedirectPolicy, and the older fields of
 * envoy.config.route.v3.RouteAction that it took the place of.
 */
import type { Message } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { InternalRedirectPolicy, InternalRedirectPredicate } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import { type ExtensionReader, readExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type {
  InternalRedirectPolicy as PolicyMessage,
  RouteAction,
} from '#envoy/config/route/v3/route_components_pb.js';
import type { AllowListedRoutesConfig } from '#envoy/extensions/internal_redirect/allow_listed_routes/v3/allow_listed_routes_config_pb.js';

const PREDICATES = 'envoy.extensions.internal_redirect';
const ALLOW_LISTED = `${PREDICATES}.allow_listed_routes.v3.AllowListedRoutesConfig`;
const PREVIOUS = `${PREDICATES}.previous_routes.v3.PreviousRoutesConfig`;
const SAFE_CROSS_SCHEME = `${PREDICATES}.safe_cross_scheme.v3.SafeCrossSchemeConfig`;

const check = honours('envoy.config.route.v3.InternalRedirectPolicy', [
  'max_internal_redirects',
  'redirect_response_codes',
  'predicates',
  'allow_cross_scheme_redirect',
  'response_headers_to_copy',
]);
const checkAllowListed = honours(ALLOW_LISTED, ['allowed_route_names']);

/** Others in `redirect_response_codes` are passed over, as by Envoy. */
const REDIRECTS = [301, 302, 303, 307, 308];
const DEFAULT_CODES = [302];
/** RouteAction.InternalRedirectAction, by its number. */
const HANDLE_INTERNAL_REDIRECT = 1;

/** @returns undefined where redirects are handed to the client */
export function readInternalRedirects(
  { internalRedirectPolicy, internalRedirectAction, maxInternalRedirects }: RouteAction,
  at: Place,
  context: ReadContext,
): InternalRedirectPolicy | undefined {
  if (internalRedirectPolicy !== undefined)
    return readPolicy(internalRedirectPolicy, at.field('internal_redirect_policy'), context);
  if (internalRedirectAction !== HANDLE_INTERNAL_REDIRECT) return undefined;
  return {
    maxInternalRedirects: maxInternalRedirects ?? 1,
    redirectResponseCodes: DEFAULT_CODES,
    predicates: [],
    allowCrossSchemeRedirect: false,
    responseHeadersToCopy: [],
  };
}

function readPolicy(message: PolicyMessage, at: Place, context: ReadContext): InternalRedirectPolicy {
  check(message, at);
  const codes = message.redirectResponseCodes;
  message.responseHeadersToCopy.forEach((name, i) => {
    if (name.startsWith(':') || name.toLowerCase() === 'host')
      at.field('response_headers_to_copy').index(i).report(COPIES_NO_TARGET);
  });
  return {
    maxInternalRedirects: message.maxInternalRedirects ?? 1,
    redirectResponseCodes: codes.length === 0 ? DEFAULT_CODES : codes.filter((code) => REDIRECTS.includes(code)),
    predicates: readAll(message.predicates, at.field('predicates'), (predicate, place) => {
      const typed = place.field('typed_config');
      const category = 'internal_redirect_predicate';
      return readExtension(predicate.typedConfig, predicate.name, category, typed, context)
        .config as InternalRedirectPredicate;
    }),
    allowCrossSchemeRedirect: message.allowCrossSchemeRedirect,
    responseHeadersToCopy: message.responseHeadersToCopy.map((name) => name.toLowerCase()),
  };
}

const COPIES_NO_TARGET = ':-prefixed headers or Hosts may not be specified here.';

const predicate = (name: string, message: string, read: ExtensionReader['read']): ExtensionReader => ({
  name: `envoy.internal_redirect_predicates.${name}`,
  message,
  category: 'internal_redirect_predicate',
  read,
});

/** What may keep a redirect from being followed. */
export const internalRedirectPredicates: readonly ExtensionReader[] = [
  predicate('allow_listed_routes', ALLOW_LISTED, (message: Message, at): InternalRedirectPredicate => {
    checkAllowListed(message, at);
    return {
      kind: 'allow_listed_routes',
      allowedRouteNames: (message as AllowListedRoutesConfig).allowedRouteNames,
    };
  }),
  predicate('previous_routes', PREVIOUS, (): InternalRedirectPredicate => ({ kind: 'previous_routes' })),
  predicate('safe_cross_scheme', SAFE_CROSS_SCHEME, (): InternalRedirectPredicate => ({ kind: 'safe_cross_scheme' })),
];
