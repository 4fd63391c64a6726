/**
 * What a listener's filters find out of a connection before a chain is chosen: the TLS inspector the server name and the protocols that are
 * offered, the HTTP inspector that it speaks HTTP. Each may be switched off for some connections.
 * Follows envoy.config.listener.v3.ListenerFilter.filter_disabled and the TLS and HTTP inspectors.
 */
import type { ListenerConfig } from '#config/model/listener.ts';
import { DumpReader, isObject, type JsonObject } from '#dump/dump-reader.ts';
import { notInspected } from '#explain/choose-filter-chain.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export function inspectConnection({ listenerFilters }: ListenerConfig, connection: ConnectionView): ConnectionView {
  const runs = (name: string) =>
    listenerFilters.some(
      (filter) =>
        (filter.name === `envoy.filters.listener.${name}` || filter.typeUrl.includes(`.filters.listener.${name}.`)) &&
        !isDisabled(filter.config, connection),
    );
  const seen = runs('tls_inspector') ? connection : notInspected(connection);
  if (connection.transportProtocol === 'tls' || !runs('http_inspector')) return seen;
  return { ...seen, applicationProtocols: ['http/1.1'] };
}

/** @param rule a ListenerFilterChainMatchPredicate; an empty one disables nothing. */
function isDisabled(rule: unknown, connection: ConnectionView): boolean {
  return isObject(rule) && holds(rule, connection, new DumpReader());
}

function holds(rule: JsonObject, connection: ConnectionView, reader: DumpReader): boolean {
  const all = (name: string) => reader.objects(reader.object(rule, name), 'rules');
  if (reader.flag(rule, 'any_match')) return true;
  if (reader.has(rule, 'or_match')) return all('or_match').some((each) => holds(each, connection, reader));
  if (reader.has(rule, 'and_match')) return all('and_match').every((each) => holds(each, connection, reader));
  const not = reader.object(rule, 'not_match');
  if (not !== undefined) return !holds(not, connection, reader);
  const range = reader.object(rule, 'destination_port_range');
  if (range === undefined) return false;
  const port = connection.destinationPort;
  return port >= reader.number(range, 'start') && port < reader.number(range, 'end');
}
