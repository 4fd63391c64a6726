/**
 * The filter chain that a listener gives the connection to, by what is known of it before TLS; and whether the two then understand each other.
 * Follows envoy.config.listener.v3.FilterChainMatch and the TLS inspector.
 */
import type { Address } from '#config/model/address.ts';
import type { HttpConnectionManager } from '#config/model/http-connection-manager.ts';
import type { FilterChain } from '#config/model/listener.ts';
import type { TcpProxyConfig } from '#config/model/tcp-proxy.ts';
import type { ChosenListener } from '#explain/choose-listener.ts';
import { inspectConnection, readsProxyProtocol } from '#explain/inspect-connection.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { compileFilterChains } from '#selection/compile-filter-chains.ts';
import type { Recorder } from '#selection/recorder.ts';
import type { ConnectionView } from '#selection/request-view.ts';
import { selectFilterChain } from '#selection/select-filter-chain.ts';

const TCP = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const HTTP = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

export function chooseFilterChain(
  { listener, address }: ChosenListener,
  request: RequestUnderWay,
  recorder: Recorder,
): FilterChain | undefined {
  request.connection = arrivedAt(address, request.connection);
  if (readsProxyProtocol(listener, request.connection) !== 'no' && request.proxied !== undefined) {
    const { address: sourceAddress, port: sourcePort } = request.proxied;
    request.connection = { ...request.connection, sourceAddress, sourcePort };
    request.client = sourceAddress;
  }
  const seen = inspectConnection(listener, request.connection);
  return selectFilterChain(compileFilterChains(listener), seen, recorder);
}

/** Where the URL names a host, the listener's own address is the one that the connection comes to. */
function arrivedAt(address: Address, connection: ConnectionView): ConnectionView {
  if (connection.destinationAddress !== '' || address.kind !== 'ip') return connection;
  return { ...connection, destinationAddress: address.address };
}

/** @returns why the chain closes such a connection; undefined: it does not. */
export function whyClosed(chain: FilterChain, request: RequestUnderWay): string | undefined {
  const secure = request.connection.transportProtocol === 'tls';
  if (chain.transport.kind === 'tls') {
    if (!secure) return 'the filter chain speaks TLS, the URL is http';
    const { tls } = chain.transport;
    if (tls.requireClientCertificate && request.connection.tls?.presented !== true)
      return 'the filter chain requires a client certificate';
    return undefined;
  }
  // A TCP proxy hands TLS on as it is.
  return secure && connectionManagerOf(chain) !== undefined
    ? 'the filter chain speaks no TLS, the URL is https'
    : undefined;
}

/** @returns the chain's connection manager; undefined where it ends in another filter. */
export function connectionManagerOf(chain: FilterChain): HttpConnectionManager | undefined {
  const terminal = chain.filters.at(-1);
  return terminal?.typeUrl.endsWith(HTTP) ? (terminal.config as HttpConnectionManager) : undefined;
}

/** @returns the clusters of the chain's TCP proxy with their weights; undefined where it ends in another filter. */
export function tcpClustersOf(chain: FilterChain): TcpProxyConfig['clusters'] | undefined {
  const terminal = chain.filters.at(-1);
  return terminal?.typeUrl.endsWith(TCP) ? (terminal.config as TcpProxyConfig).clusters : undefined;
}
