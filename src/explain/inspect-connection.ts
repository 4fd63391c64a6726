/**
 * What a listener's filters find out of a connection before a chain is chosen: the TLS inspector the server name and the protocols that are
 * offered, the HTTP inspector that it speaks HTTP, the PROXY protocol who the client is. Each may be switched off for some connections.
 * Follows envoy.config.listener.v3.ListenerFilter.filter_disabled and the TLS and HTTP inspectors.
 */
import type { ListenerConfig, ListenerFilterUse } from '#config/model/listener.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { compileListenerFilterPredicate } from '#selection/listener-filter-predicate.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export function inspectConnection(listener: ListenerConfig, connection: ConnectionView): ConnectionView {
  const runs = (name: string) => running(name, listener, connection) !== undefined;
  const seen = runs('tls_inspector') ? connection : notInspected(connection);
  if (connection.transportProtocol === 'tls' || !runs('http_inspector')) return seen;
  return { ...seen, applicationProtocols: ['http/1.1'] };
}

/** The listener filter that looks at the connection. */
function running(
  name: string,
  { listenerFilters }: ListenerConfig,
  connection: ConnectionView,
): ListenerFilterUse | undefined {
  return listenerFilters.find(
    ({ typeUrl, disabledFor }) =>
      typeUrl.includes(`.filters.listener.${name}.v3.`) &&
      (disabledFor === undefined || !compileListenerFilterPredicate(disabledFor)(connection)),
  );
}

/** Whether the listener takes the client from the PROXY protocol. */
export function readsProxyProtocol(listener: ListenerConfig, connection: ConnectionView): 'always' | 'if_there' | 'no' {
  const filter = running('proxy_protocol', listener, connection);
  if (filter === undefined) return 'no';
  return (filter.config as { allowsAbsent?: boolean } | undefined)?.allowsAbsent === false ? 'always' : 'if_there';
}

/** @returns why the connection ends before anything is chosen; undefined: it does not. */
export function whyUnread(listener: ListenerConfig, { connection, proxied }: RequestUnderWay): string | undefined {
  const reads = readsProxyProtocol(listener, connection);
  if (proxied !== undefined && reads === 'no') return 'no listener filter reads the PROXY protocol';
  if (proxied === undefined && reads === 'always')
    return 'the listener filter proxy_protocol wants the PROXY protocol (--proxied IP:PORT says whom it tells)';
  return undefined;
}

function notInspected(connection: ConnectionView): ConnectionView {
  return { ...connection, transportProtocol: 'raw_buffer', serverName: '', applicationProtocols: [] };
}
