/**
 * Whether a request that waits too long for its answer is sent a second time beside the first. Follows envoy.config.route.v3.HedgePolicy and
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_routing#request-hedging
 */
import type { Place } from '#api/place.ts';
import type { HedgePolicy } from '#config/model/route.ts';
import { honours } from '#config/read/support.ts';
import type { HedgePolicy as HedgePolicyMessage } from '#envoy/config/route/v3/route_components_pb.js';

const NOT_IN_ENVOY = 'Envoy 1.40 takes it and does nothing with it either';

const check = honours('envoy.config.route.v3.HedgePolicy', ['hedge_on_per_try_timeout'], {
  withoutEffect: { initial_requests: NOT_IN_ENVOY, additional_request_chance: NOT_IN_ENVOY },
});

/** For a spread: a level that says nothing leaves it to the one above. */
export function readHedgePolicy(message: HedgePolicyMessage | undefined, at: Place): { hedgePolicy?: HedgePolicy } {
  if (message === undefined) return {};
  check(message, at);
  return { hedgePolicy: { hedgeOnPerTryTimeout: message.hedgeOnPerTryTimeout } };
}
