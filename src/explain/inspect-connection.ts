/**
 * What a listener's filters find out of a connection before a chain is chosen: the TLS inspector the server name and the protocols that are
 * offered, the HTTP inspector that it speaks HTTP. Each may be switched off for some connections.
 * Follows envoy.config.listener.v3.ListenerFilter.filter_disabled and the TLS and HTTP inspectors.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import { compileListenerFilterPredicate } from '#selection/listener-filter-predicate.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export function inspectConnection({ listenerFilters }: ListenerConfig, connection: ConnectionView): ConnectionView {
  const runs = (name: string) =>
    listenerFilters.some(
      ({ typeUrl, disabledFor }) =>
        typeUrl.includes(`.filters.listener.${name}.v3.`) &&
        (disabledFor === undefined || !compileListenerFilterPredicate(disabledFor)(connection)),
    );
  const seen = runs('tls_inspector') ? connection : notInspected(connection);
  if (connection.transportProtocol === 'tls' || !runs('http_inspector')) return seen;
  return { ...seen, applicationProtocols: ['http/1.1'] };
}

function notInspected(connection: ConnectionView): ConnectionView {
  return { ...connection, transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };
}
