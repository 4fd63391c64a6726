/**
 * Which upgrades of a connection (RFC 9110, section 7.8) are let through, by a connection manager and by its routes.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades
 */
import { isDeepStrictEqual } from 'node:util';
import type { Place } from '#api/place.ts';
import type { UpgradeConfig } from '#config/model/http-connection-manager.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { RouteAction } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readHttpFilters } from '#config/read/http-filters.ts';
import { honours } from '#config/read/support.ts';
import type { RouteAction_UpgradeConfig } from '#envoy/config/route/v3/route_components_pb.js';
import type { HttpConnectionManager_UpgradeConfig } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';

const checkManager = honours(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
  ['upgrade_type', 'enabled', 'filters'],
);
const ROUTE = 'envoy.config.route.v3.RouteAction.UpgradeConfig';
const checkRoute = honours(ROUTE, ['upgrade_type', 'enabled', 'connect_config']);
const checkConnect = honours(`${ROUTE}.ConnectConfig`, ['allow_post'], {
  refused: { proxy_protocol_config: 'a connection is made without the PROXY protocol' },
});

/** @param at `upgrade_configs` of a connection manager. @param filters those of all other requests */
export function readUpgradeConfigs(
  messages: readonly HttpConnectionManager_UpgradeConfig[],
  at: Place,
  filters: readonly FilterUse[],
  context: ReadContext,
): UpgradeConfig[] {
  const twice = (type: string) => `Error: multiple upgrade configs with the same name: '${type}'`;
  return readUpgrades(messages, at, checkManager, twice).map((upgrade, i) => {
    const own = messages[i].filters;
    if (own.length === 0) return upgrade;
    const place = at.index(i).field('filters');
    const chain = readHttpFilters(own, place, context, 'http upgrade');
    if (!isDeepStrictEqual(chain.at(-1)?.config, filters.at(-1)?.config))
      place
        .index(own.length - 1)
        .report('a router that differs from that of other requests is not supported by Fairlead yet');
    return { ...upgrade, filters: chain };
  });
}

/** @param at `upgrade_configs` of a route. */
export function readRouteUpgradeConfigs(
  messages: readonly RouteAction_UpgradeConfig[],
  at: Place,
): RouteAction['upgradeConfigs'] {
  const upgrades = readUpgrades(messages, at, checkRoute, (type) => `Duplicate upgrade ${type}`);
  return upgrades.map((upgrade, i) => {
    const { connectConfig, upgradeType } = messages[i];
    if (connectConfig === undefined) return upgrade;
    const place = at.index(i).field('connect_config');
    checkConnect(connectConfig, place);
    if (upgrade.upgradeType !== 'connect') {
      place.report(`Non-CONNECT upgrade type ${upgradeType} has ConnectConfig`);
    }
    return { ...upgrade, connectConfig: { allowPost: connectConfig.allowPost } };
  });
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
    if (type === 'connect-udp' && enabled) {
      place.collect(
        place.field('upgrade_type').problem(`upgrade type '${upgradeType}' is not supported by Fairlead yet`),
      );
    }
    seen.add(type);
    return { upgradeType: type, enabled };
  });
}
