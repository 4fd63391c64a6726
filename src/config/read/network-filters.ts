/**
 * The network filters of a filter chain, which end in one that takes the connection.
 * Follows envoy.config.listener.v3.Filter.
 */
import type { Place } from '#api/place.ts';
import type { FilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDiscoveredFilter } from '#config/read/discovered-filter.ts';
import { type ExtensionReader, readExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import { checkTerminalFilter } from '#config/read/terminal-filter.ts';
import type { Filter } from '#envoy/config/listener/v3/listener_components_pb.js';

const check = honours('envoy.config.listener.v3.Filter', ['name', 'typed_config', 'config_discovery']);

/** Which one it is will be known later; it is not the last. */
const FETCHED: ExtensionReader = {
  name: 'by discovery',
  message: '',
  category: 'network_filter',
  read: () => undefined,
};

export function readNetworkFilters(messages: readonly Filter[], at: Place, context: ReadContext): FilterUse[] {
  const filters = readAll(messages, at, (message, place) => {
    check(message, place);
    const { name, configType } = message;
    if (configType.case === 'configDiscovery') {
      const inside = place.field('config_discovery');
      const discovered = readDiscoveredFilter(configType.value, name, 'network_filter', inside, context);
      const use: FilterUse = { name, typeUrl: '', config: undefined, disabled: false, discovered };
      return { use, name, reader: FETCHED, at: place };
    }
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
