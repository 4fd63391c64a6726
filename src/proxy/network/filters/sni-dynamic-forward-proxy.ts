/**
 * Has the name of the server that a client asks for in TLS resolved, before the TCP proxy sends the connection to a cluster of forward proxies.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/listeners/network_filters/sni_dynamic_forward_proxy_filter
 */
import type { DnsCacheConfig } from '#config/model/cluster.ts';
import { readDnsCache } from '#config/read/dns-cache.ts';
import { honours } from '#config/read/support.ts';
import type { FilterConfig } from '#envoy/extensions/filters/network/sni_dynamic_forward_proxy/v3/sni_dynamic_forward_proxy_pb.js';
import { Continue, networkFilter, Stop } from '#proxy/network/network-filter.ts';
import { DYNAMIC_HOST, DYNAMIC_PORT } from '#proxy/upstream/load-balancer/dynamic-host-balancer.ts';

const MESSAGE = 'envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig';
const check = honours(MESSAGE, ['dns_cache_config', 'port_value'], {
  refused: { save_upstream_address: 'the address of the upstream is in the access log' },
});

interface Config {
  cache: DnsCacheConfig;
  port: number;
}

/** What is kept of a connection: how to give up waiting. */
type Waiting = (() => void) | undefined;

export const sniDynamicForwardProxy = networkFilter<Config, undefined, undefined>({
  name: 'envoy.filters.network.sni_dynamic_forward_proxy',
  message: MESSAGE,
  config(message: FilterConfig, at, context) {
    check(message, at);
    if (message.dnsCacheConfig === undefined) throw at.field('dns_cache_config').missing();
    const { portSpecifier } = message;
    return {
      cache: readDnsCache(message.dnsCacheConfig, at.field('dns_cache_config'), context),
      port: portSpecifier.case === 'portValue' ? portSpecifier.value : 0,
    };
  },

  onNewConnection(run, use) {
    const { connection } = run;
    const { config, worker } = use;
    const host = String(connection.filterState?.get(DYNAMIC_HOST) ?? connection.serverName);
    const port = Number(connection.filterState?.get(DYNAMIC_PORT) ?? config.port);
    if (host === '') return Continue;
    connection.setFilterState(DYNAMIC_HOST, host);
    connection.setFilterState(DYNAMIC_PORT, port);
    const found = worker.dnsCaches.load(config.cache, host, port, () => {
      run.state[use.index] = undefined;
      // A name without addresses finds no host.
      run.continueReading(use);
    });
    if (found.state === 'pending') {
      run.state[use.index] = found.cancel;
      return Stop;
    }
    if (found.state !== 'busy') return Continue;
    run.close();
    return Stop;
  },
  end(run, { index }) {
    (run.state[index] as Waiting)?.();
  },
});
