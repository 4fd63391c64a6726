/**
 * Which connections a listener filter leaves alone. Follows envoy.config.listener.v3.ListenerFilterChainMatchPredicate.
 */
import { isIP } from 'node:net';
import type { ListenerFilterPredicate } from '#config/model/listener.ts';
import type { ConnectionView } from '#selection/request-view.ts';

export function compileListenerFilterPredicate(
  predicate: ListenerFilterPredicate,
): (connection: ConnectionView) => boolean {
  switch (predicate.kind) {
    case 'any':
      return () => true;
    case 'destination_port': {
      const { start, end } = predicate;
      // Unix sockets and internal listeners have no port.
      return ({ destinationPort: port, destinationAddress }) =>
        port >= start && port < end && isIP(destinationAddress) !== 0;
    }
    case 'not': {
      const inner = compileListenerFilterPredicate(predicate.predicate);
      return (connection) => !inner(connection);
    }
    default: {
      const all = predicate.predicates.map(compileListenerFilterPredicate);
      return predicate.kind === 'and'
        ? (connection) => all.every((matches) => matches(connection))
        : (connection) => all.some((matches) => matches(connection));
    }
  }
}
