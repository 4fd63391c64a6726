import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRouteUpgradeConfigs, readUpgradeConfigs } from '#config/read/upgrade-configs.ts';
import type { RouteAction } from '#envoy/config/route/v3/route_components_pb.js';
import type { HttpConnectionManager } from '#envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import { readMessage } from '#testing/read-message.ts';

const HCM = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const FILTER = { name: 'envoy.filters.http.router' };

function ofManager(upgradeConfigs: object[]) {
  const tree = { stat_prefix: 'in', route_config: {}, upgrade_configs: upgradeConfigs };
  return readMessage(HCM, tree, (message: HttpConnectionManager, at, context) =>
    readUpgradeConfigs(message.upgradeConfigs, at.field('upgrade_configs'), [], context),
  );
}

function ofRoute(upgradeConfigs: object[]) {
  const tree = { cluster: 'c', upgrade_configs: upgradeConfigs };
  return readMessage('envoy.config.route.v3.RouteAction', tree, (message: RouteAction, at) =>
    readRouteUpgradeConfigs(message.upgradeConfigs, at.field('upgrade_configs')),
  );
}

for (const [who, read] of Object.entries({ 'a connection manager': ofManager, 'a route': ofRoute })) {
  test(`an upgrade of ${who} is enabled unless it says otherwise, and its type has no case`, () => {
    assert.deepEqual(read([{ upgrade_type: 'WebSocket' }, { upgrade_type: 'tcp', enabled: false }]).value, [
      { upgradeType: 'websocket', enabled: true },
      { upgradeType: 'tcp', enabled: false },
    ]);
  });

  test(`CONNECT of ${who} is an upgrade like others, but not CONNECT-UDP`, () => {
    assert.deepEqual(read([{ upgrade_type: 'CONNECT' }]).value, [{ upgradeType: 'connect', enabled: true }]);
    assert.match(
      read([{ upgrade_type: 'CONNECT-UDP' }]).errors[0],
      /upgrade type 'CONNECT-UDP' is not supported by Fairlead yet/,
    );
  });
}

test('a type that is named twice is refused in the words of Envoy', () => {
  const twice = [{ upgrade_type: 'websocket' }, { upgrade_type: 'WEBSOCKET' }];
  assert.match(ofManager(twice).errors[0], /Error: multiple upgrade configs with the same name: 'WEBSOCKET'/);
  assert.match(ofRoute(twice).errors[0], /Duplicate upgrade WEBSOCKET/);
});

test('filters of an upgrade are checked as all others are', () => {
  assert.match(ofManager([{ upgrade_type: 'a', filters: [FILTER] }]).errors[0], /envoy\.filters\.http\.router/);
});

test('a route may end CONNECT at the proxy, and POST where it says so', () => {
  const connect = (config: object, type = 'CONNECT') => ofRoute([{ upgrade_type: type, connect_config: config }]);
  assert.deepEqual(connect({ allow_post: true }).value?.[0].connectConfig, { allowPost: true });
  assert.match(connect({}, 'websocket').errors[0], /Non-CONNECT upgrade type websocket has ConnectConfig$/);
  assert.match(connect({ proxy_protocol_config: {} }).errors[0], /field 'proxy_protocol_config' is not supported/);
});
