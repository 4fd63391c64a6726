/**
 * Network filters: ours and real Envoy with the same bootstrap.
 */
import { bootstrap, fileAccessLog, type Json, oneCluster } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';
import { FORMAT, filter, tcpListener } from './tcp-filters.ts';

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
