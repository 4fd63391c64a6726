/**
 * The overload manager: the limit of connections from clients, over all listeners.
 * Follows envoy.config.overload.v3.OverloadManager and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/overload_manager/overload_manager#limiting-active-connections
 */
import type { Place } from '#api/place.ts';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { ReadContext } from '#config/read/context.ts';
import { extensionMessage, unknownExtension, unsupportedExtension } from '#config/read/extensions.ts';
import { honours } from '#config/read/support.ts';
import type { OverloadManager } from '#envoy/config/overload/v3/overload_pb.js';
import type { DownstreamConnectionsConfig } from '#envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections_pb.js';

/** This one goes by its name also. */
export const GLOBAL_CONNECTIONS_MONITOR = 'envoy.resource_monitors.global_downstream_max_connections';
const CONNECTIONS = 'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig';

const check = honours('envoy.config.overload.v3.OverloadManager', ['resource_monitors'], {
  withoutEffect: { refresh_interval: 'connections are counted as they come' },
  refused: {
    actions: 'no resource but connections is watched',
    loadshed_points: 'no resource but connections is watched',
    buffer_factory_config: 'buffers are not accounted for by stream',
  },
});
const checkMonitor = honours('envoy.config.overload.v3.ResourceMonitor', ['name', 'typed_config']);
const checkConnections = honours(CONNECTIONS, ['max_active_downstream_connections']);

export function readOverload(
  message: OverloadManager | undefined,
  at: Place,
  context: ReadContext,
): Snapshot['overload'] {
  if (message === undefined) return {};
  check(message, at);
  const overload: Snapshot['overload'] = {};
  const names = new Set<string>();
  for (const [i, monitor] of message.resourceMonitors.entries()) {
    const place = at.field('resource_monitors').index(i);
    place.attempt(() => {
      checkMonitor(monitor, place);
      if (names.has(monitor.name)) throw place.field('name').problem(`Duplicate resource monitor ${monitor.name}`);
      names.add(monitor.name);
      const inside = place.field('typed_config');
      const { typeName, message: config } = extensionMessage(monitor.configType.value, monitor.name, inside, context);
      if (typeName === CONNECTIONS && monitor.name !== GLOBAL_CONNECTIONS_MONITOR)
        throw unknownExtension(monitor.name, typeName, inside);
      if (typeName !== CONNECTIONS) throw unsupportedExtension(monitor.name, typeName, 'resource_monitor', inside);
      checkConnections(config, inside);
      const limit = (config as DownstreamConnectionsConfig).maxActiveDownstreamConnections;
      overload.maxActiveDownstreamConnections = Number(limit);
    });
  }
  return overload;
}
