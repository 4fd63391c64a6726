/**
 * What looks at a connection before a filter chain is chosen for it. Follows envoy.config.listener.v3.ListenerFilter.
 */
import { create } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import type { Place } from '#api/place.ts';
import type { ListenerFilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDiscoveredFilter } from '#config/read/discovered-filter.ts';
import { readExtension } from '#config/read/extensions.ts';
import { readListenerFilterPredicate } from '#config/read/listener-filter-predicate.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { ListenerFilter } from '#envoy/config/listener/v3/listener_components_pb.js';
import type { Listener } from '#envoy/config/listener/v3/listener_pb.js';

const check = honours('envoy.config.listener.v3.ListenerFilter', [
  'name',
  'typed_config',
  'config_discovery',
  'filter_disabled',
]);

export function readListenerFilters(
  messages: readonly ListenerFilter[],
  at: Place,
  context: ReadContext,
): ListenerFilterUse[] {
  return readAll(messages, at, (message, place) => {
    check(message, place);
    const { name, configType } = message;
    const { filterDisabled } = message;
    const disabledFor = filterDisabled && readListenerFilterPredicate(filterDisabled, place.field('filter_disabled'));
    const rest = { name, disabled: false, ...(disabledFor === undefined ? {} : { disabledFor }) };
    if (configType.case === 'configDiscovery') {
      const inside = place.field('config_discovery');
      const discovered = readDiscoveredFilter(configType.value, name, 'tcp_listener_filter', inside, context);
      return { ...rest, typeUrl: '', config: undefined, discovered };
    }
    const inside = place.field('typed_config');
    const { typeUrl, config } = readExtension(configType.value, name, 'listener_filter', inside, context);
    return { ...rest, typeUrl, config };
  });
}

const PREFIX = 'type.googleapis.com/envoy.extensions.filters.listener';

/**
 * The filters that other fields of a listener stand for. They come last.
 * @param at the listener.
 */
export function impliedListenerFilters(message: Listener, at: Place, context: ReadContext): ListenerFilterUse[] {
  const implied = (name: string, type: string): ListenerFilterUse => {
    const typedConfig = create(AnySchema, { typeUrl: `${PREFIX}.${name}.v3.${type}` });
    const { typeUrl, config } = readExtension(typedConfig, name, 'listener_filter', at, context);
    return { name: `envoy.filters.listener.${name}`, typeUrl, config, disabled: false };
  };
  return [
    ...(message.useOriginalDst === true ? [implied('original_dst', 'OriginalDst')] : []),
    ...(usesProxyProtocol(message, at) ? [implied('proxy_protocol', 'ProxyProtocol')] : []),
  ];
}

/** Only the first filter chain is asked, as by Envoy. */
function usesProxyProtocol({ filterChains, defaultFilterChain }: Listener, at: Place): boolean {
  const [first = defaultFilterChain] = filterChains;
  if (first?.useProxyProto !== true) return false;
  const chain = filterChains.length === 0 ? at.field('default_filter_chain') : at.field('filter_chains').index(0);
  const instead =
    'it comes after the other listener filters; configure the filter envoy.filters.listener.proxy_protocol instead';
  chain.field('use_proxy_proto').warn(`field 'use_proxy_proto' is deprecated: ${instead}`);
  return true;
}
