import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typed } from '#testing/bootstrap.ts';
import { errorsOf, load } from '#testing/load-config.ts';

const NAME = 'envoy.resource_monitors.global_downstream_max_connections';
const TYPE = 'extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';

function connections(limit: number, name = NAME) {
  return { name, typed_config: typed(TYPE, { max_active_downstream_connections: limit }) };
}
const overload = (...monitors: unknown[]) => ({ overload_manager: { resource_monitors: monitors } });
const AT = 'overload_manager.resource_monitors';

test('connections from clients are limited', () => {
  assert.deepEqual(load(overload(connections(5))).snapshot.overload, { maxActiveDownstreamConnections: 5 });
  assert.deepEqual(load({}).snapshot.overload, {});
});

test('a monitor stands there once', () => {
  assert.deepEqual(errorsOf(overload(connections(5), connections(6))), [
    `${AT}[1].name: Duplicate resource monitor ${NAME}`,
  ]);
});

test('the limit is known by its name too, as in Envoy', () => {
  const words = `Didn't find a registered implementation for 'other' with type URL: 'envoy.${TYPE}'`;
  assert.deepEqual(errorsOf(overload(connections(5, 'other'))), [`${AT}[0].typed_config: ${words}`]);
});

test('other monitors are refused, and so are actions', () => {
  const heap = {
    name: 'envoy.resource_monitors.fixed_heap',
    typed_config: typed('extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig', { max_heap_size_bytes: 1 }),
  };
  assert.match(
    errorsOf(overload(heap)).join(),
    /resource monitor 'envoy\.resource_monitors\.fixed_heap'.*not supported/,
  );
  const trigger = { name: NAME, threshold: { value: 0.9 } };
  const actions = [{ name: 'envoy.overload_actions.stop_accepting_requests', triggers: [trigger] }];
  assert.match(
    errorsOf({ overload_manager: { ...overload(connections(5)).overload_manager, actions } }).join(),
    /^overload_manager\.actions: field 'actions'/,
  );
});
