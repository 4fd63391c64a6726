/**
 * What looks at a connection before a filter chain is chosen for it. Follows envoy.config.listener.v3.ListenerFilter.
 */
import type { Place } from '#api/place.ts';
import type { FilterChain, FilterUse } from '#config/model/listener.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readExtension } from '#config/read/extensions.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { ListenerFilter } from '#envoy/config/listener/v3/listener_components_pb.js';

const check = honours('envoy.config.listener.v3.ListenerFilter', ['name', 'typed_config'], {
  refused: {
    config_discovery: 'configuration of extensions by discovery comes with xDS',
    filter_disabled: 'a listener filter looks at every connection',
  },
});

const TLS_INSPECTOR = 'envoy.filters.listener.tls_inspector';
const TLS_INSPECTOR_URL = 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector';

export function readListenerFilters(messages: readonly ListenerFilter[], at: Place, context: ReadContext): FilterUse[] {
  return readAll(messages, at, (message, place) => {
    check(message, place);
    const { name, configType } = message;
    if (configType.case === 'configDiscovery') throw place.field('config_discovery').unsupported();
    const inside = place.field('typed_config');
    const { typeUrl, config } = readExtension(configType.value, name, 'listener_filter', inside, context);
    return { name, typeUrl, config, disabled: false };
  });
}

/**
 * Chains that ask for a server name or an ALPN protocol need the TLS inspector; where it is not configured, it is put in, as by Envoy.
 * @param at the listener.
 */
export function withTlsInspector(
  filters: FilterUse[],
  chains: readonly FilterChain[],
  listener: string,
  at: Place,
): FilterUse[] {
  if (!chains.some(({ match }) => needsTlsInspector(match)) || filters.some(isTlsInspector)) return filters;
  const words =
    "filter chain match rules require TLS Listener filter, but it isn't configured, trying to inject it (this may fail if Envoy is compiled without it)";
  at.warn(`adding listener '${listener}': ${words}`);
  return [{ name: TLS_INSPECTOR, typeUrl: TLS_INSPECTOR_URL, config: {}, disabled: false }, ...filters];
}

function needsTlsInspector({ transportProtocol, serverNames, applicationProtocols }: FilterChain['match']): boolean {
  if (transportProtocol !== '') return transportProtocol === 'tls';
  return serverNames.length > 0 || applicationProtocols.length > 0;
}

function isTlsInspector({ name, typeUrl }: FilterUse): boolean {
  return name === TLS_INSPECTOR || typeUrl === TLS_INSPECTOR_URL;
}
