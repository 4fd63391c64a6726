/**
 * Network filters: ours and real Envoy with the same bootstrap.
 */
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bootstrap, fileAccessLog, type Json, oneCluster, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';
import { FORMAT, filter, tcpListener, tcpProxy } from './tcp-filters.ts';

const STATS =
  /^(tcp|connection_limit|local_rate_limit|rbac|ratelimit|.*rbac\.|listener\.(?!admin\.)\w+\.(downstream_cx_(total|active|destroy)|no_filter))/;

const saying = (text: string) => (socket: Socket) => void socket.once('data', () => socket.end(text));

alike('echo sends back what it gets, and closes when the client does', {
  bootstrap: () => bootstrap([tcpListener([filter('echo', 'echo.v3.Echo')])]),
  async run({ connect, note }) {
    const wire = await connect();
    await wire.send('hello');
    await wire.something();
    await wire.send('x'.repeat(1_000_000));
    await eventually('all is back', () => wire.received.length === 1_000_005);
    wire.end();
    note(await wire.closed());
    note(`${wire.received.length} ${wire.received.slice(0, 6)}`);
  },
  stats: /^listener.*in.*downstream_cx_(total|active|destroy)/,
  lines: 1,
});

alike('the access log of a listener tells of connections of HTTP, and of those that no chain takes', {
  bootstrap: () => {
    const tree = oneCluster(1) as { static_resources: { listeners: Json[] } };
    const [http] = tree.static_resources.listeners;
    http.access_log = [fileAccessLog(LOG_FILE, `listener ${FORMAT}`)];
    const nobody = tcpListener([filter('echo', 'echo.v3.Echo')], {}, 'nobody') as { filter_chains: Json[] };
    nobody.filter_chains[0].filter_chain_match = { destination_port: 1 };
    tree.static_resources.listeners.push(nobody);
    return tree;
  },
  async run({ connect, note }) {
    const wire = await connect('in');
    await wire.send('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    note((await wire.response()).startLine);
    wire.destroy();
    const other = await connect('nobody');
    note(await other.closed());
  },
  lines: 2,
});

alike('a direct response, with and without words', {
  bootstrap: () => {
    const speaking = filter('direct_response', 'direct_response.v3.Config', { response: { inline_string: 'go away' } });
    const silent = filter('direct_response', 'direct_response.v3.Config');
    return bootstrap([tcpListener([speaking]), tcpListener([silent], {}, 'silent')]);
  },
  async run({ connect, note }) {
    for (const name of ['in', 'silent']) {
      const wire = await connect(name);
      note(`${await wire.closed()} ${wire.received}`);
    }
  },
  stats: STATS,
  lines: 2,
});

alike('the server that the client asks for names the cluster', {
  bootstrap: ({ one, other }) =>
    bootstrap(
      [
        tcpListener([filter('sni_cluster', 'sni_cluster.v3.SniCluster'), tcpProxy()], {
          listener_filters: [
            {
              name: 'envoy.filters.listener.tls_inspector',
              typed_config: typed('extensions.filters.listener.tls_inspector.v3.TlsInspector'),
            },
          ],
        }),
      ],
      [staticCluster('c', [one]), staticCluster('other.test', [other])],
    ),
  upstreams: { one: saying('one'), other: saying('other') },
  async run({ proxy, connect, note }) {
    for (const servername of ['other.test', 'nobody.test', '']) {
      const wire = await connect();
      const hello = connectTls({ socket: wire.socket, servername });
      hello.on('error', () => {});
      note(`${servername} ${await wire.closed()} ${wire.received}`);
      wire.destroy();
    }
    await proxy.statBecomes('listener.in.downstream_cx_active', 0);
  },
  stats: STATS,
  lines: 6,
});

alike('the server that the client asks for is resolved, and gets the connection', {
  bootstrap: ({ one }) => {
    const dns_cache_config = { name: 'names', dns_lookup_family: 'V4_ONLY' };
    const forward = filter('sni_dynamic_forward_proxy', 'sni_dynamic_forward_proxy.v3.FilterConfig', {
      dns_cache_config,
      port_value: one,
    });
    const cluster = {
      name: 'c',
      lb_policy: 'CLUSTER_PROVIDED',
      cluster_type: {
        name: 'envoy.clusters.dynamic_forward_proxy',
        typed_config: typed('extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', { dns_cache_config }),
      },
    };
    const inspector = {
      name: 'envoy.filters.listener.tls_inspector',
      typed_config: typed('extensions.filters.listener.tls_inspector.v3.TlsInspector'),
    };
    return bootstrap(
      [tcpListener([forward, tcpProxy({ access_log: [] })], { listener_filters: [inspector], access_log: [] })],
      [cluster],
    );
  },
  upstreams: { one: saying('one') },
  async run({ connect, note }) {
    for (const servername of ['localhost', 'nobody.invalid']) {
      const wire = await connect();
      const hello = connectTls({ socket: wire.socket, servername });
      hello.on('error', () => {});
      note(`${servername} ${await wire.closed()} ${wire.received}`);
      wire.destroy();
    }
  },
});

alike('more connections than the limit, at once or after a while', {
  bootstrap: () => {
    const limit = (more: Json) =>
      filter('connection_limit', 'connection_limit.v3.ConnectionLimit', {
        stat_prefix: 'l',
        max_connections: 1,
        ...more,
      });
    const echo = filter('echo', 'echo.v3.Echo');
    return bootstrap([tcpListener([limit({}), echo]), tcpListener([limit({ delay: '0.1s' }), echo], {}, 'late')]);
  },
  async run({ connect, note, proxy }) {
    for (const name of ['in', 'late']) {
      const first = await connect(name);
      await first.send('a');
      await first.something();
      const second = await connect(name);
      note(`${name} ${first.received} ${await second.closed()}`);
      first.destroy();
      await proxy.statBecomes('connection_limit.l.active_connections', 0);
    }
  },
  stats: STATS,
  lines: 4,
});

alike('connections for which there is no token', {
  bootstrap: () => {
    const limit = filter('local_ratelimit', 'local_ratelimit.v3.LocalRateLimit', {
      stat_prefix: 'l',
      token_bucket: { max_tokens: 1, fill_interval: '3600s' },
    });
    return bootstrap([tcpListener([limit, filter('echo', 'echo.v3.Echo')])]);
  },
  async run({ connect, note }) {
    const first = await connect();
    await first.send('a');
    await first.something();
    note(await (await connect()).closed());
    first.destroy();
  },
  stats: STATS,
  lines: 2,
});

alike('filter state is set when a connection begins and when its client speaks, and chooses the cluster', {
  bootstrap: ({ one, other }) => {
    const value = (key: string, text: string, more: Json = {}) => ({
      object_key: key,
      format_string: { text_format_source: { inline_string: text } },
      ...more,
    });
    const set = filter('set_filter_state', 'set_filter_state.v3.Config', {
      on_new_connection: [
        value('envoy.tcp_proxy.cluster', 'other'),
        value('mine', '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%', { factory_key: 'envoy.string' }),
        value('skipped', '', { factory_key: 'envoy.string', skip_if_empty: true }),
        value('address', 'none', { factory_key: 'envoy.network.ip' }),
        value('envoy.tcp_proxy.per_connection_idle_timeout_ms', '100'),
      ],
      on_downstream_data: [value('later', 'yes', { factory_key: 'envoy.string' })],
    });
    const states = ['mine', 'skipped', 'address', 'later', 'envoy.tcp_proxy.cluster'];
    const format = states.map((key) => `%FILTER_STATE(${key}:PLAIN)%`).join(' ');
    const logs = { access_log: [fileAccessLog(LOG_FILE, `state ${format}`)] };
    return bootstrap(
      [tcpListener([set, tcpProxy(logs)])],
      [staticCluster('c', [one]), staticCluster('other', [other])],
    );
  },
  upstreams: { one: () => {}, other: (socket) => void socket.pipe(socket) },
  async run({ connect, note }) {
    const silent = await connect();
    note(await silent.closed());
    const wire = await connect();
    await wire.send('a');
    note(await wire.closed());
  },
  stats: STATS,
  lines: 4,
});

alike('a limit of connections holds over all workers', {
  bootstrap: () => {
    const limit = filter('connection_limit', 'connection_limit.v3.ConnectionLimit', {
      stat_prefix: 'l',
      max_connections: 3,
    });
    return bootstrap([tcpListener([limit, filter('echo', 'echo.v3.Echo')], { access_log: [] })]);
  },
  async run({ connect, note, proxy }) {
    const wires = [];
    for (let i = 0; i < 12; i++) wires.push(await connect());
    await proxy.statBecomes('connection_limit.l.limited_connections', 9);
    await proxy.statBecomes('connection_limit.l.active_connections', 3);
    for (const wire of wires) {
      await wire.send('a');
      await wire.something();
    }
    note(String(wires.filter((wire) => wire.received === 'a').length));
  },
  concurrency: 4,
});
