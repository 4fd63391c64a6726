/**
 * Sends a connection to the cluster that is called as the server that the client asks for in TLS.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_cluster_filter
 */
import { honours } from '#config/read/support.ts';
import { Continue, networkFilter } from '#proxy/network/network-filter.ts';
import { CLUSTER_STATE } from '#proxy/network/tcp-proxy/choose-cluster.ts';

const MESSAGE = 'envoy.extensions.filters.network.sni_cluster.v3.SniCluster';
const check = honours(MESSAGE, []);

export const sniCluster = networkFilter({
  name: 'envoy.filters.network.sni_cluster',
  message: MESSAGE,
  config(message, at) {
    check(message, at);
    return {};
  },
  onNewConnection({ connection }) {
    if (connection.serverName !== '') connection.setFilterState(CLUSTER_STATE, connection.serverName);
    return Continue;
  },
});
