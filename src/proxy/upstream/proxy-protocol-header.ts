/**
 * The header that tells an upstream of the client that a connection is for.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_features/ip_transparency#proxy-protocol
 */
import type { Socket } from 'node:net';
import type { ProxyProtocolOut } from '#config/model/tls.ts';
import type { DownstreamConnection } from '#proxy/listeners/downstream-connection.ts';
import { PROXY_PROTOCOL_OPTIONS, type ProxyProtocolOptions } from '#proxy/listeners/proxy-protocol-options.ts';
import { proxyHeaderV1, proxyHeaderV2 } from '#wire/proxy-protocol/write-proxy-header.ts';

/** For a connection on behalf of a client. */
export function proxyHeaderFor(config: ProxyProtocolOut, connection: DownstreamConnection): Buffer {
  const told = connection.filterState?.get(PROXY_PROTOCOL_OPTIONS) as ProxyProtocolOptions | undefined;
  const ends = told ?? {
    source: { address: connection.sourceAddress, port: connection.sourcePort },
    destination: { address: connection.destinationAddress, port: connection.destinationPort },
  };
  // A unix socket has no addresses to tell.
  if (!ends.source.address.includes('.') && !ends.source.address.includes(':')) return localHeader(config);
  if (config.version === 1) return proxyHeaderV1(ends);
  const added = config.added.map(({ type, value }) => ({ type, value: Buffer.from(value) }));
  const passed = (told?.tlvs ?? []).filter(
    ({ type }) =>
      (config.passThrough === 'all' || config.passThrough.includes(type)) && !added.some((tlv) => tlv.type === type),
  );
  return proxyHeaderV2(ends, [...added, ...passed]) ?? (proxyHeaderV2(ends) as Buffer);
}

/** For a connection of the proxy's own. @param socket tells the ends, which version 1 names; it must be connected */
export function ownProxyHeader(config: ProxyProtocolOut, socket: Socket): Buffer {
  if (config.version === 2) return localHeader(config);
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  return proxyHeaderV1({
    source: { address: localAddress, port: localPort },
    destination: { address: remoteAddress, port: remotePort },
  });
}

function localHeader({ version }: ProxyProtocolOut): Buffer {
  return version === 1 ? Buffer.from('PROXY UNKNOWN\r\n') : (proxyHeaderV2(undefined) as Buffer);
}
