/**
 * What access logs say of connections that listener filters looked at, or closed: ours and real Envoy with the same bootstrap.
 */
import { bootstrap, fileAccessLog, type Json, socketAddress, typed } from '#testing/bootstrap.ts';
import { alike, type TcpActing } from './compare-tcp.ts';
import { LOG_FILE } from './subject.ts';
import { FORMAT, filter } from './tcp-filters.ts';

const MORE = [
  'direct=%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%/%DOWNSTREAM_DIRECT_LOCAL_ADDRESS%',
  'metadata=%DYNAMIC_METADATA(envoy.filters.listener.proxy_protocol)%',
  'sni=%REQUESTED_SERVER_NAME% tlv=%FILTER_STATE(envoy.network.proxy_protocol.tlv)%',
].join(' ');

function listener(name: string, filters: [type: string, fields: Json][], more: Json = {}): Json {
  return {
    name,
    address: socketAddress(0),
    stat_prefix: name,
    access_log: [fileAccessLog(LOG_FILE, `${name} ${FORMAT} ${MORE}`)],
    listener_filters: filters.map(([type, fields]) => ({
      name: type,
      typed_config: typed(`extensions.filters.listener.${type}`, fields),
    })),
    listener_filters_timeout: '0.1s',
    filter_chains: [{ name: 'chain', filters: [filter('echo', 'echo.v3.Echo')] }],
    ...more,
  };
}

const PROXY = 'proxy_protocol.v3.ProxyProtocol';
const rules = [{ tlv_type: 2, on_tlv_present: { key: 'two' } }];
const TLS_ONLY = {
  filter_chains: [{ filter_chain_match: { server_names: ['a.test'] }, filters: [filter('echo', 'echo.v3.Echo')] }],
};

const tree = () =>
  bootstrap([
    listener('proxied', [[PROXY, { rules }]]),
    listener('state', [[PROXY, { rules, tlv_location: 'FILTER_STATE' }]]),
    listener('nobody', [['http_inspector.v3.HttpInspector', {}]], TLS_ONLY),
    listener('limited', [
      [
        'local_ratelimit.v3.LocalRateLimit',
        { stat_prefix: 'l', token_bucket: { max_tokens: 1, fill_interval: '3600s' } },
      ],
    ]),
  ]);

const BINARY = Buffer.from('0d0a0d0a000d0a515549540a2111001401020304050607080100020002000568656c6c6f', 'hex');

async function say({ connect, note }: TcpActing, to: string, bytes: string | Buffer): Promise<void> {
  const wire = await connect(to);
  await wire.send(bytes);
  await wire.something().catch(() => {});
  note(`${to}: ${wire.rest === '' ? 'nothing' : wire.rest}`);
  wire.end();
  await wire.closed().catch(() => {});
}

alike('logs of connections that listener filters looked at', {
  bootstrap: tree,
  async run(act) {
    await say(act, 'proxied', 'PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\nhello');
    await say(act, 'proxied', Buffer.concat([BINARY, Buffer.from('hello')]));
    await say(act, 'proxied', 'PROXY nonsense\r\nand more of it');
    await say(act, 'proxied', 'PROXY');
    await say(act, 'state', Buffer.concat([BINARY, Buffer.from('hello')]));
    await say(act, 'nobody', 'GET / HTTP/1.1\r\n\r\n');
    await say(act, 'limited', 'hello');
    const refused = await act.connect('limited');
    await refused.closed();
  },
  lines: 8,
  stats: /^listener\.(proxied|state|nobody|limited)\.(downstream_|no_filter)(?!.*_ms)/,
});
