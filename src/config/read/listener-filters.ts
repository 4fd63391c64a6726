/**
 * What looks at a connection before a filter chain is chosen for it. Follows envoy.config.listener.v3.ListenerFilter.
 */
import type { Place } from '#api/place.ts';
import type { ListenerFilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readExtension } from '#config/read/extensions.ts';
import { readListenerFilterPredicate } from '#config/read/listener-filter-predicate.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { ListenerFilter } from '#envoy/config/listener/v3/listener_components_pb.js';

const check = honours('envoy.config.listener.v3.ListenerFilter', ['name', 'typed_config', 'filter_disabled'], {
  refused: { config_discovery: 'configuration of extensions by discovery comes with xDS' },
});

export function readListenerFilters(
  messages: readonly ListenerFilter[],
  at: Place,
  context: ReadContext,
): ListenerFilterUse[] {
  return readAll(messages, at, (message, place) => {
    check(message, place);
    const { name, configType } = message;
    if (configType.case === 'configDiscovery') throw place.field('config_discovery').unsupported();
    const inside = place.field('typed_config');
    const { typeUrl, config } = readExtension(configType.value, name, 'listener_filter', inside, context);
    const { filterDisabled } = message;
    const disabledFor = filterDisabled && readListenerFilterPredicate(filterDisabled, place.field('filter_disabled'));
    return { name, typeUrl, config, disabled: false, ...(disabledFor === undefined ? {} : { disabledFor }) };
  });
}
