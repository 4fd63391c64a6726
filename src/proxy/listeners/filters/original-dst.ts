/**
 * Gives a connection that iptables redirected its original destination back: netfilter remembers it (SO_ORIGINAL_DST), and a transparent
 * socket (TPROXY) has it for its own address.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/listener_filters/original_dst_filter
 */
import { isIP } from 'node:net';
import { honours } from '#config/read/support.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { Continue, type ListenerFilterStatus, listenerFilter } from '#proxy/listeners/listener-filter.ts';
import { originalDestination } from '#proxy/listeners/original-destination.ts';
import { loadNative } from '#proxy/transport/native-sockets.ts';

const TYPE = 'envoy.extensions.filters.listener.original_dst.v3.OriginalDst';
const check = honours(TYPE, []);

export const originalDst = listenerFilter({
  name: 'envoy.filters.listener.original_dst',
  message: TYPE,

  config(message: never, at) {
    check(message, at);
    return {};
  },

  // Now rather than with the first connection.
  prepare: loadNative,

  accept(run) {
    const { connection } = run;
    if (connection.internal) return restoreInternal(connection);
    // A unix socket was not redirected, and has no port.
    if (connection.sourcePort === 0) return Continue;
    const found = originalDestination(run.descriptor, connection.destinationAddress.includes(':') ? 6 : 4);
    if (found === 'own') connection.restoreDestination(connection.destinationAddress, connection.destinationPort);
    else if (found !== undefined) connection.restoreDestination(found.address, found.port);
    return Continue;
  },
});

const NAME = 'envoy.filters.listener.original_dst';
const ADDRESS = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]+)$/;

/** To an internal listener, whoever connects tells the addresses: by metadata, else by filter state. */
function restoreInternal(connection: DownstreamConnection): ListenerFilterStatus {
  const { filterState, dynamicMetadata } = connection;
  const metadata = dynamicMetadata?.[NAME] as { local?: unknown } | undefined;
  const local = parse(metadata?.local ?? filterState?.get(`${NAME}.local_ip`));
  if (local !== undefined) connection.restoreDestination(local.address, local.port);
  const remote = parse(filterState?.get(`${NAME}.remote_ip`));
  if (remote !== undefined) connection.setSource(remote.address, remote.port);
  return Continue;
}

function parse(text: unknown): { address: string; port: number } | undefined {
  const [, six, four, port] = ADDRESS.exec(String(text ?? '')) ?? [];
  const address = six ?? four;
  return address === undefined || isIP(address) === 0 ? undefined : { address, port: Number(port) };
}
