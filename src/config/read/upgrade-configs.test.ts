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
  return readMessage(HCM, tree, (message: HttpConnectionManager, at) =>
    readUpgradeConfigs(message.upgradeConfigs, at.field('upgrade_configs')),
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

  test(`${who} that would make tunnels of CONNECT is refused`, () => {
    const [error, ...others] = read([{ upgrade_type: 'CONNECT' }]).errors;
    assert.deepEqual(others, []);
    assert.match(error, /upgrade_type.*upgrade type 'CONNECT' is not supported by Fairlead yet/);
    assert.deepEqual(read([{ upgrade_type: 'CONNECT', enabled: false }]).errors, []);
  });
}

test('a type that is named twice is refused in the words of Envoy', () => {
  const twice = [{ upgrade_type: 'websocket' }, { upgrade_type: 'WEBSOCKET' }];
  assert.match(ofManager(twice).errors[0], /Error: multiple upgrade configs with the same name: 'WEBSOCKET'/);
  assert.match(ofRoute(twice).errors[0], /Duplicate upgrade WEBSOCKET/);
});

test('filters of an upgrade and connect_config are refused by name', () => {
  assert.match(ofManager([{ upgrade_type: 'a', filters: [FILTER] }]).errors[0], /field 'filters' is not supported/);
  assert.match(
    ofRoute([{ upgrade_type: 'a', connect_config: {} }]).errors[0],
    /field 'connect_config' is not supported/,
  );
});
