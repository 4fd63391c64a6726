/**
 * Network filters: ours and real Envoy with the same bootstrap.
 */
import { bootstrap, fileAccessLog, type Json, oneCluster, socketAddress, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { alike } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';

/** Everything that is said of a connection and does not vary. */
const FORMAT = [
  '%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS%',
  '%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_HOST%',
  '%UPSTREAM_CLUSTER% %UPSTREAM_TRANSPORT_FAILURE_REASON% %FILTER_CHAIN_NAME% %ACCESS_LOG_TYPE% %REQ(:METHOD)%',
  '%DOWNSTREAM_WIRE_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_SENT% %ROUTE_NAME% %UPSTREAM_REQUEST_ATTEMPT_COUNT%',
].join(' ');

function filter(name: string, type: string, fields: Json = {}): Json {
  return { name: `envoy.filters.network.${name}`, typed_config: typed(`extensions.filters.network.${type}`, fields) };
}

function listener(filters: Json[], more: Json = {}, name = 'in'): Json {
  return {
    name,
    address: socketAddress(0),
    access_log: [fileAccessLog(LOG_FILE, `listener ${FORMAT}`)],
    filter_chains: [{ name: 'chain', filters }],
    ...more,
  };
}

alike('echo sends back what it gets, and closes when the client does', {
  bootstrap: () => bootstrap([listener([filter('echo', 'echo.v3.Echo')])]),
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
    const nobody = listener([filter('echo', 'echo.v3.Echo')], {}, 'nobody') as { filter_chains: Json[] };
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
