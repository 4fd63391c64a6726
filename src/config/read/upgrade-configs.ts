/**
 * Which upgrades of a connection (RFC 9110, section 7.8) are let through, by a connection manager and by its routes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import type { Place } from '#api/place.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { RouteAction } from '#config/model/route.ts';
import { honours } from '#config/read/support.ts';
import type { RouteAction_UpgradeConfig } from '#envoy/config/route/v3/route_components_pb.js';
import type { HttpConnectionManager_UpgradeConfig } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const checkManager = honours(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
  ['upgrade_type', 'enabled'],
  { refused: { filters: 'an upgrade passes through the filters of all requests' } },
);
const checkRoute = honours('envoy.config.route.v3.RouteAction.UpgradeConfig', ['upgrade_type', 'enabled'], {
  refused: { connect_config: 'tunnels of CONNECT come later' },
});

/** @param at `upgrade_configs` of a connection manager. */
export function readUpgradeConfigs(
  messages: readonly HttpConnectionManager_UpgradeConfig[],
  at: Place,
): HttpConnectionManager['upgradeConfigs'] {
  return readUpgrades(
    messages,
    at,
    checkManager,
    (type) => `Error: multiple upgrade configs with the same name: '${type}'`,
  );
}

/** @param at `upgrade_configs` of a route. */
export function readRouteUpgradeConfigs(
  messages: readonly RouteAction_UpgradeConfig[],
  at: Place,
): RouteAction['upgradeConfigs'] {
  return readUpgrades(messages, at, checkRoute, (type) => `Duplicate upgrade ${type}`);
}

function readUpgrades<M extends HttpConnectionManager_UpgradeConfig | RouteAction_UpgradeConfig>(
  messages: readonly M[],
  at: Place,
  check: (message: M, at: Place) => void,
  twice: (type: string) => string,
): { upgradeType: string; enabled: boolean }[] {
  const seen = new Set<string>();
  return messages.map((message, i) => {
    const place = at.index(i);
    check(message, place);
    const { upgradeType, enabled = true } = message;
    const type = upgradeType.toLowerCase();
    if (seen.has(type)) place.field('upgrade_type').report(twice(upgradeType));
    if (/^connect/.test(type) && enabled) {
      place.collect(
        place
          .field('upgrade_type')
          .problem(`upgrade type '${upgradeType}' is not supported by Fairlead yet: tunnels of CONNECT come later`),
      );
    }
    seen.add(type);
    return { upgradeType: type, enabled };
  });
}
