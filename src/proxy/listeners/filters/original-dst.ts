/**
 * Gives a connection that iptables redirected its original destination back: netfilter remembers it (SO_ORIGINAL_DST), and a transparent
 * socket (TPROXY) has it for its own address.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter
 */
import { honours } from '#config/read/support.ts';
import { Continue, listenerFilter } from '#proxy/listeners/listener-filter.ts';
import { originalDestination } from '#proxy/listeners/original-destination.ts';

const TYPE = 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst';
const check = honours(TYPE, []);

export const originalDst = listenerFilter({
  name: 'envoy.filters.listener.original_dst',
  message: TYPE,

  config(message: never, at) {
    check(message, at);
    return {};
  },

  accept(run) {
    const { connection } = run;
    // A unix socket was not redirected, and has no port.
    if (connection.sourcePort === 0) return Continue;
    const found = originalDestination(run.descriptor, connection.destinationAddress.includes(':') ? 6 : 4);
    if (found === 'own') connection.restoreDestination(connection.destinationAddress, connection.destinationPort);
    else if (found !== undefined) connection.restoreDestination(found.address, found.port);
    return Continue;
  },
});
