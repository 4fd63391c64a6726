/**
 * What listener filters find out about a connection, what becomes of it, and what they count: ours and real Envoy with the same bytes.
 */
import type { ConnectionOptions } from 'node:tls';
import {
  answering,
  bootstrap,
  connectionManager,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  typed,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import type { RunningProxy } from '#testing/start-proxy.ts';
import { sameOnBoth } from './same-on-both.ts';

const SAID = [
  '%DOWNSTREAM_REMOTE_ADDRESS%',
  '%DOWNSTREAM_LOCAL_ADDRESS%',
  '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT%',
  '%REQUESTED_SERVER_NAME%',
  '%TLS_JA3_FINGERPRINT%',
  '%TLS_JA4_FINGERPRINT%',
].join(' ');
const GET = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';

function filter(type: string, fields: Json = {}, more: Json = {}): Json {
  return { name: type, typed_config: typed(`extensions.filters.listener.${type}`, fields), ...more };
}

const TLS = 'tls_inspector.v3.TlsInspector';
const HTTP = 'http_inspector.v3.HttpInspector';
const PROXY = 'proxy_protocol.v3.ProxyProtocol';
const LIMIT = 'local_ratelimit.v3.LocalRateLimit';

/** A chain whose answers say its name and what is known of the connection. */
function chain(name: string, match: Json = {}): Json {
  const headers = { response_headers_to_add: [{ header: { key: 'x-said', value: SAID } }] };
  const manager = connectionManager({
    ...routeConfig([answering(name, { prefix: '/' })], {}, headers),
    stat_prefix: 'in',
  });
  return { name, filter_chain_match: match, filters: [manager] };
}

function listener(name: string, filters: Json[], more: Json = {}): Json {
  return httpListener({
    name,
    listener: {
      stat_prefix: name,
      listener_filters: filters,
      listener_filters_timeout: '0.15s',
      filter_chains: [chain('c')],
      ...more,
    },
  });
}

interface Seen {
  answer: string;
  counted: Record<string, number>;
}

/** Sends bytes to a listener. @returns what came back, and which counters went up. */
async function tell(proxy: RunningProxy, to: string, bytes: string | Buffer, pieces = false): Promise<Seen> {
  const counters = () =>
    proxy.stats('inspector|proxy_proto|rate_limited|pre_cx|listener_filter|downstream_cx_total|no_filter');
  const before = await counters();
  const wire = await proxy.connect(to);
  if (pieces) await wire.sendInPieces(bytes);
  else await wire.send(bytes);
  const response = await wire.response().catch(() => undefined);
  const said = response && `${response.body} ${response.header('x-said') ?? response.status}`;
  const answer = (said ?? wire.ending ?? 'nothing').replaceAll(`:${wire.localPort}`, ':CLIENT');
  const port = await proxy.listenerPort(to);
  wire.destroy();
  await proxy.noneBeforeItsChain();
  const counted: Record<string, number> = {};
  for (const [name, value] of Object.entries(await counters())) {
    const grown = value - (before[name] ?? 0);
    if (grown !== 0 && !name.includes('worker_') && !name.includes('admin')) counted[name] = grown;
  }
  return { answer: answer.replaceAll(`:${port}`, ':LISTENER'), counted };
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
const FOUR = Buffer.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 2, 0);

function binary(command: number, family: number, ...parts: Uint8Array[]): Buffer {
  const rest = Buffer.concat(parts);
  return Buffer.concat([SIGNATURE, Buffer.of(command, family, rest.length >> 8, rest.length & 255), rest]);
}

function tlv(type: number, value: string): Buffer {
  return Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 255), Buffer.from(value, 'latin1')]);
}

const HEADERS: Record<string, string | Buffer> = {
  'text, IPv4': 'PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n',
  'text, IPv6': 'PROXY TCP6 1:0::2 ::ffff:3.4.5.6 111 222\r\n',
  'text, unknown': 'PROXY UNKNOWN\r\n',
  'text, two blanks': 'PROXY TCP4 1.2.3.4  5.6.7.8 111 222\r\n',
  'text, generous numbers': 'PROXY TCP4 1.2.3.4 5.6.7.8 01 +2 \r\n',
  'text, too long': `PROXY UNKNOWN ${'x'.repeat(93)}\r\n`,
  'text, multicast': 'PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n',
  'text, UDP': 'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
  'text, no more than the word': 'PROXY\r\n',
  'text, lower case': 'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
  none: '',
  'binary, IPv4': binary(0x21, 0x11, FOUR),
  'binary, datagram': binary(0x21, 0x12, FOUR),
  'binary, no transport': binary(0x21, 0x10, FOUR),
  'binary, IPv6': binary(0x21, 0x21, Buffer.alloc(32, 0x20), Buffer.of(0, 1, 0, 2)),
  'binary, unix': binary(0x21, 0x31, Buffer.alloc(216, 'a')),
  'binary, local': binary(0x20, 0, tlv(2, 'l')),
  'binary, no family': binary(0x21, 0),
  'binary, version 3': binary(0x31, 0x11, FOUR),
  'binary, too short': binary(0x21, 0x11, FOUR.subarray(0, 8)),
  'binary, TLVs': binary(0x21, 0x11, FOUR, tlv(2, 'a\xffb'), tlv(3, '\0\x01'), tlv(2, 'again')),
  'binary, cut TLV': binary(0x21, 0x11, FOUR, tlv(2, 'abc').subarray(0, 5)),
};

sameOnBoth(
  'the PROXY protocol says who the client is, in every form that there is',
  bootstrap([
    listener('plain', [filter(PROXY)]),
    listener('optional', [filter(PROXY, { allow_requests_without_proxy_protocol: true, stat_prefix: 'o' })]),
    listener('v2only', [filter(PROXY, { disallowed_versions: ['V1'] })]),
  ]),
  async (proxy, note) => {
    for (const to of ['plain', 'optional', 'v2only'])
      for (const [name, header] of Object.entries(HEADERS))
        note(
          `${to}: ${name}`,
          await tell(proxy, to, Buffer.concat([Buffer.from(header as string, 'latin1'), Buffer.from(GET)])),
        );
    for (const name of ['text, IPv4', 'binary, TLVs'])
      note(
        `pieces: ${name}`,
        await tell(
          proxy,
          'plain',
          Buffer.concat([Buffer.from(HEADERS[name] as string, 'latin1'), Buffer.from(GET)]),
          true,
        ),
      );
    for (const begin of ['PRO', '\r\n\r\n', 'x'.repeat(50)]) note(begin, await tell(proxy, 'plain', begin));
  },
);

sameOnBoth(
  'the HTTP inspector tells protocols apart, and filter chains are chosen by them',
  bootstrap([
    listener('http', [filter(HTTP)], {
      filter_chains: [
        chain('ten', { application_protocols: ['http/1.0'] }),
        chain('eleven', { application_protocols: ['http/1.1'] }),
        chain('two', { application_protocols: ['h2c'] }),
      ],
      default_filter_chain: chain('else'),
    }),
  ]),
  async (proxy, note) => {
    for (const text of [
      GET,
      GET.replace('1.1', '1.0'),
      'hello\r\n\r\n',
      '\x16\x03\x01\0\x01',
      'GET /',
      'GE(\r\n\r\n',
      `GET /${'a'.repeat(70_000)}`,
    ])
      note(text.slice(0, 30), await tell(proxy, 'http', text));
    note('pieces', await tell(proxy, 'http', GET, true));
  },
);

sameOnBoth(
  'time, a client that leaves, predicates and rate limits decide over connections before there is a chain',
  bootstrap([
    listener('goes_on', [filter(TLS), filter(HTTP)], { continue_on_listener_filters_timeout: true }),
    listener('none_matches', [filter(TLS)], { filter_chains: [chain('c', { server_names: ['a.test'] })] }),
    listener('disabled', [filter(PROXY, {}, { filter_disabled: { any_match: true } })]),
    listener('other_port', [
      filter(PROXY, {}, { filter_disabled: { not_match: { destination_port_range: { start: 1, end: 2 } } } }),
    ]),
    listener('both', [
      filter(
        PROXY,
        {},
        {
          filter_disabled: {
            and_match: {
              rules: [
                { or_match: { rules: [{ destination_port_range: { start: 1, end: 2 } }, { any_match: true }] } },
                { not_match: { any_match: true } },
              ],
            },
          },
        },
      ),
    ]),
    listener('limited', [filter(LIMIT, { stat_prefix: 'l', token_bucket: { max_tokens: 1, fill_interval: '3600s' } })]),
    listener('free', [
      filter(LIMIT, {
        stat_prefix: 'f',
        token_bucket: { max_tokens: 1, fill_interval: '3600s' },
        runtime_enabled: { default_value: false, runtime_key: 'no.such' },
      }),
    ]),
  ]),
  async (proxy, note) => {
    const asked = ['none_matches', 'disabled', 'other_port', 'both', 'limited', 'limited', 'free', 'free'];
    for (const [i, to] of asked.entries()) {
      const seen = await tell(proxy, to, GET);
      // Who is refused before its bytes are there sees an end, after that a reset.
      note(`${i} ${to}`, { ...seen, answer: seen.answer.replace(/^reset$/, 'end') });
    }
    const slow = await proxy.connect('goes_on');
    await slow.send('GE');
    await eventually(
      'the time is over',
      async () => (await proxy.stat('listener.goes_on.downstream_pre_cx_timeout')) === 1,
    );
    await slow.send(GET.slice(2));
    note('goes on with what was read', (await slow.response()).body);
    const gone = await proxy.connect('goes_on');
    await gone.send('GE');
    await proxy.statBecomes('listener.goes_on.downstream_pre_cx_active', 1);
    gone.end();
    await proxy.statBecomes('listener.goes_on.downstream_listener_filter_remote_close', 1);
    await proxy.noneBeforeItsChain();
  },
);

const server = signed('server.test');

/** Clients that look different: `ja3` and `ja4` must tell them apart as Envoy does. */
const CLIENTS: Record<string, ConnectionOptions> = {
  plain: {},
  'with a name': { servername: 'Server.TEST' },
  'with protocols': { servername: 'server.test', ALPNProtocols: ['h2', 'http/1.1'] },
  'with an odd protocol': { ALPNProtocols: ['\u00ab', 'x'] },
  'TLS 1.2': { maxVersion: 'TLSv1.2', servername: 'server.test' },
  'one suite': { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', ecdhCurve: 'prime256v1' },
};

sameOnBoth(
  'the TLS inspector tells names, protocols and fingerprints, and TLS goes on with what it read',
  bootstrap([
    listener('tls', [filter(TLS, { enable_ja3_fingerprinting: true, enable_ja4_fingerprinting: true }), filter(HTTP)], {
      filter_chains: [
        {
          ...chain('secure', { transport_protocol: 'tls' }),
          ...downstreamTls({
            tls_certificates: [
              { certificate_chain: { inline_string: server.cert }, private_key: { inline_string: server.key } },
            ],
          }),
        },
      ],
      default_filter_chain: chain('else'),
    }),
    listener('strict', [
      filter(TLS, { close_connection_on_client_hello_parsing_errors: true, max_client_hello_size: 600 }),
    ]),
  ]),
  async (proxy, note) => {
    for (const [name, tls] of Object.entries(CLIENTS)) {
      const wire = await proxy.connect('tls', { tls });
      await wire.send(GET);
      const response = await wire.response();
      note(name, `${response.body} ${response.header('x-said')?.split(' ').slice(4).join(' ')}`);
    }
    const hello = Buffer.from('16030100050100000103', 'hex');
    for (const to of ['tls', 'strict'])
      for (const [name, bytes] of Object.entries({
        http: GET,
        short: 'GET',
        alert: Buffer.from('15030100020228', 'hex'),
        broken: hello,
        large: Buffer.concat([Buffer.from('160301400001003ffc0303', 'hex'), Buffer.alloc(17_000)]),
        medium: Buffer.concat([Buffer.from('160301400001003ffc0303', 'hex'), Buffer.alloc(700)]),
      }))
        note(`${to}: ${name}`, await tell(proxy, to, bytes));
  },
);
