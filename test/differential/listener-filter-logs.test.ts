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
  'ja3=%TLS_JA3_FINGERPRINT% ja4=%TLS_JA4_FINGERPRINT%',
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
    listener('prints', [
      ['tls_inspector.v3.TlsInspector', { enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true }],
    ]),
    listener('limited', [
      [
        'local_ratelimit.v3.LocalRateLimit',
        { stat_prefix: 'l', token_bucket: { max_tokens: 1, fill_interval: '3600s' } },
      ],
    ]),
  ]);

/** `content` behind its length of so many bytes, in hexadecimal. */
function counted(size: number, content: string): string {
  return (content.length / 2).toString(16).padStart(2 * size, '0') + content;
}

function hello(ciphers: string, extensions: [type: string, content: string][], version = '0303'): Buffer {
  const all = extensions.map(([type, content]) => type + counted(2, content)).join('');
  const body = `${version}${'11'.repeat(32)}00${counted(2, ciphers)}${counted(1, '00')}${counted(2, all)}`;
  return Buffer.from(`160301${counted(2, `01${counted(3, body)}`)}`, 'hex');
}

/** As browsers send them, with values that are there to be ignored (GREASE), and as nobody does. */
function hellos(): Buffer[] {
  const name: [string, string] = ['0000', counted(2, `00${counted(2, Buffer.from('Shop.test').toString('hex'))}`)];
  const offered = (...names: string[]): [string, string] => [
    '0010',
    counted(2, names.map((one) => counted(1, Buffer.from(one, 'latin1').toString('hex'))).join('')),
  ];
  const groups: [string, string] = ['000a', counted(2, '2a2a001d00170018')];
  const signatures: [string, string] = ['000d', counted(2, '04030804040105030805')];
  const versions: [string, string] = ['002b', counted(1, '1a1a03040303')];
  const points: [string, string] = ['000b', counted(1, '0001')];
  return [
    hello('0a0a130113021303c02bc02f', [
      ['3a3a', ''],
      name,
      groups,
      points,
      offered('h2', 'http/1.1'),
      signatures,
      versions,
      ['4a4a', '00'],
    ]),
    hello('c02fc02b009c', [groups, signatures, offered('x')], '0302'),
    hello('1301', [versions, offered('\xab1')]),
    hello('002f', [], '0301'),
  ];
}

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
    for (const hello of hellos()) await say(act, 'prints', hello);
    await say(act, 'limited', 'hello');
    const refused = await act.connect('limited');
    await refused.closed();
  },
  lines: 8 + hellos().length,
  stats: /^listener\.(proxied|state|nobody|limited|prints)\.(downstream_|no_filter)(?!.*_ms)/,
});
