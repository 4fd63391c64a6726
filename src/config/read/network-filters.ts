/**
 * The network filters of a filter chain, which end in one that takes the connection.
 * Follows envoy.config.listener.v3.Filter.
 */
import type { Place } from '#api/place.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { checkTerminalFilter } from '#config/read/terminal-filter.ts';
import type { Filter } from '#envoy/config/listener/v3/listener_components_pb.js';

const check = honours('envoy.config.listener.v3.Filter', ['name', 'typed_config'], {
  refused: { config_discovery: 'only HTTP filters are fetched' },
});

export function readNetworkFilters(messages: readonly Filter[], at: Place, context: ReadContext): FilterUse[] {
  const filters = readAll(messages, at, (message, place) => {
    check(message, place);
    const { name, configType } = message;
    if (configType.case === 'configDiscovery') throw place.field('config_discovery').unsupported();
    const { reader, typeUrl, config } = readExtension(
      configType.value,
      name,
      'network_filter',
      place.field('typed_config'),
      context,
    );
    return { use: { name, typeUrl, config, disabled: false }, name, reader, at: place };
  });
  // Where one could not be read, it may be the last.
  if (filters.length === messages.length) checkTerminalFilter(filters, 'network');
  return filters.map(({ use }) => use);
}
