/**
 * The PROXY header to upstreams: whom it names, in which version, with which TLVs, and before TLS.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/other_features/ip_transparency#proxy-protocol
 */
import { createServer } from 'node:net';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import {
  bootstrap,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  typed,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed } from '#testing/certificates.ts';
import type { Scope } from '#testing/scope.ts';
import { parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { proxyHeaderV2 } from '#wire/proxy-protocol/write-proxy-header.ts';
import { compare } from './compare.ts';
import { type Case, get } from './subject.ts';

const server = signed('server.test');
const SOCKETS = 'extensions.transport_sockets';
const raw: Json = { name: 'raw', typed_config: typed(`${SOCKETS}.raw_buffer.v3.RawBuffer`) };
const around = (config: Json, inner: Json = raw): Json => ({
  transport_socket: {
    name: 'proxy',
    typed_config: typed(`${SOCKETS}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`, {
      config,
      transport_socket: inner,
    }),
  },
});
const bytes = (text: string) => Buffer.from(text).toString('base64');

/** Each cluster's transport. */
const CLUSTERS: Record<string, Json> = {
  v1: around({ version: 'V1' }),
  v2: around({ version: 'V2' }),
  added: around({
    version: 'V2',
    added_tlvs: [
      { type: 0xe1, value: bytes('one') },
      { type: 0xe2, value: bytes('two') },
    ],
  }),
  all: around({ version: 'V2', pass_through_tlvs: { match_type: 'INCLUDE_ALL' } }),
  some: around({
    version: 'V2',
    pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [0xe4] },
    added_tlvs: [{ type: 0xe3, value: bytes('ours') }],
  }),
  both: around({
    version: 'V2',
    pass_through_tlvs: { match_type: 'INCLUDE_ALL' },
    added_tlvs: [{ type: 0xe3, value: bytes('ours') }],
  }),
  tls: around({ version: 'V2' }, upstreamTls({}).transport_socket as Json),
  'v1-tls': around({ version: 'V1' }, upstreamTls({}).transport_socket as Json),
};

/** Says what header came, and then speaks HTTP, over TLS where the client does. */
async function echoing(t: Scope): Promise<number> {
  const listening = createServer((socket) => {
    let seen: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    const onReadable = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      seen = Buffer.concat([seen, chunk]);
      const header = parseProxyHeader(seen);
      if (header.kind === 'incomplete' || (header.kind === 'header' && header.length === seen.length)) return;
      socket.off('readable', onReadable);
      const told = header.kind === 'header' ? header : { version: 0, ends: undefined, tlvs: [], length: 0 };
      const rest = seen.subarray(told.length);
      const says = JSON.stringify([
        told.version,
        told.ends?.source.address,
        told.ends?.destination.address,
        told.tlvs.map(({ type, value }) => [type, value.toString()]),
      ]);
      if (rest.length > 0) socket.unshift(rest);
      const speaker =
        rest[0] === 0x16 ? new TLSSocket(socket, { isServer: true, cert: server.cert, key: server.key }) : socket;
      speaker.on('error', () => {});
      speaker.on('data', () => {
        const answer = JSON.stringify({ header: says });
        speaker.write(`HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      });
    };
    socket.on('readable', onReadable);
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  t.after(() => void listening.close());
  return (listening.address() as { port: number }).port;
}

test('PROXY headers to upstreams', async (t) => {
  const port = await echoing(t);
  const tlvs = [
    { type: 0xe3, value: Buffer.from('theirs') },
    { type: 0xe4, value: Buffer.from('four') },
  ];
  const ends = { source: { address: '10.1.1.1', port: 11 }, destination: { address: '10.2.2.2', port: 22 } };
  const header = proxyHeaderV2(ends, tlvs) as Buffer;
  const routes = routeConfig(Object.keys(CLUSTERS).map((name) => routeTo(`/${name}`, name)));
  const cases = Object.keys(CLUSTERS).flatMap((name): Case[] => [
    { name: `${name}: plain`, send: get(`/${name}`), methods: ['GET'] },
    { name: `${name}: twice`, send: get(`/${name}`) + get(`/${name}`), methods: ['GET', 'GET'] },
    {
      name: `${name}: behind another proxy`,
      listener: 'behind',
      probe: false,
      methods: ['GET'],
      send: async (wire) => {
        await wire.send(header);
        await wire.send(get(`/${name}`));
      },
    },
    { name: `${name}: told of nobody`, listener: 'silent', send: get(`/${name}`), methods: ['GET'] },
  ]);
  await compare(t, {
    bootstrap: () =>
      bootstrap(
        [
          httpListener({ manager: routes }),
          httpListener({ name: 'silent', manager: { ...routes, add_proxy_protocol_connection_state: false } }),
          httpListener({
            name: 'behind',
            manager: routes,
            listener: {
              listener_filters: [
                {
                  name: 'proxy_protocol',
                  typed_config: typed('extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', {
                    pass_through_tlvs: { match_type: 'INCLUDE_ALL' },
                  }),
                },
              ],
            },
          }),
        ],
        Object.entries(CLUSTERS).map(([name, transport]) => staticCluster(name, [port], transport)),
      ),
    cases,
  });
});
