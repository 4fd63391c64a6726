/**
 * Requests without a route wait for the virtual host, or the table of their scope, to be fetched: then they have a route, or know that there
 * is none.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
import { honours } from '#config/read/support.ts';
import type { OnDemand, PerRouteConfig } from '#envoy/extensions/filters/http/on_demand/v3/on_demand_pb.js';
import { Continue, type FilterStatus, httpFilter, Stop } from '#proxy/http/filter.ts';

const PACKAGE = 'envoy.extensions.filters.http.on_demand.v3';
const refused = { odcds: 'clusters are fetched before requests go to them' };
const check = honours(`${PACKAGE}.OnDemand`, [], { refused });
const checkRoute = honours(`${PACKAGE}.PerRouteConfig`, [], { refused });

export const onDemand = httpFilter({
  name: 'envoy.filters.http.on_demand',
  message: `${PACKAGE}.OnDemand`,
  config: (message: OnDemand, at): undefined => check(message, at) as undefined,
  perRoute: {
    message: `${PACKAGE}.PerRouteConfig`,
    config: (message: PerRouteConfig, at): undefined => checkRoute(message, at) as undefined,
  },

  request(stream, { index }): FilterStatus {
    const { manager, filters } = stream;
    if (stream.selected !== undefined) return Continue;
    const cancel = manager.routes.demand(stream, () => {
      filters.state[index] = undefined;
      if (stream.finished || stream.responseEnded) return;
      manager.chooseRouteAgain(stream);
      filters.continueRequest();
    });
    if (cancel === undefined) return Continue;
    filters.state[index] = cancel;
    return Stop;
  },

  end(stream, { index }): void {
    (stream.filters.state[index] as (() => void) | undefined)?.();
  },
});
