/** TLVs that the TCP proxy adds to PROXY headers, and what becomes of those that a client's own header told: ours and real Envoy. */
import { bootstrap, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { proxyHeaderV2 } from '#wire/proxy-protocol/write-proxy-header.ts';
import { alike } from './compare-tcp.ts';
import { filter } from './tcp-filters.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const raw = { name: 'raw', typed_config: typed('extensions.transport_sockets.raw_buffer.v3.RawBuffer') };

function around(config: Json): Json {
  const type = 'extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';
  return { transport_socket: { name: 'proxy', typed_config: typed(type, { config, transport_socket: raw }) } };
}

const ALL = { match_type: 'INCLUDE_ALL' };
const CLUSTERS: Record<string, Json> = {
  v1: around({ version: 'V1' }),
  none: around({ version: 'V2' }),
  all: around({ version: 'V2', pass_through_tlvs: ALL }),
  some: around({ version: 'V2', pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [0xe1] } }),
  added: around({ version: 'V2', pass_through_tlvs: ALL, added_tlvs: [{ type: 0xe1, value: base64('added') }] }),
};
const MERGES = ['ADD_IF_ABSENT', 'OVERWRITE_BY_TYPE_IF_EXISTS_OR_ADD', 'APPEND_IF_EXISTS_OR_ADD'];
const OURS = [
  { type: 0xe1, value: base64('one') },
  { type: 0xe5, value: base64('five') },
];

/** A client's header. Each is from a port of its own: Envoy tells one client's TLVs for another of the same address. */
function theirs(port: number): Buffer {
  const ends = { source: { address: '10.1.1.1', port }, destination: { address: '10.2.2.2', port: 22 } };
  return proxyHeaderV2(ends, [
    { type: 0xe1, value: Buffer.from('theirs') },
    { type: 0xe4, value: Buffer.from('four') },
  ]) as Buffer;
}

const cases = Object.keys(CLUSTERS).flatMap((cluster) => MERGES.map((merge) => ({ cluster, merge })));

function listener(cluster: string, merge: string): Json {
  const proxy = { stat_prefix: 't', cluster, proxy_protocol_tlvs: OURS, proxy_protocol_tlv_merge_policy: merge };
  const heard = { allow_requests_without_proxy_protocol: true, pass_through_tlvs: ALL };
  return {
    name: `${cluster} ${merge}`,
    address: socketAddress(0),
    listener_filters: [
      { name: 'pp', typed_config: typed('extensions.filters.listener.proxy_protocol.v3.ProxyProtocol', heard) },
    ],
    filter_chains: [{ filters: [filter('tcp_proxy', 'tcp_proxy.v3.TcpProxy', proxy)] }],
  };
}

alike('upstreams hear the TLVs that they hear from Envoy', {
  upstreams: { c: () => {} },
  bootstrap: ({ c }) =>
    bootstrap(
      cases.map(({ cluster, merge }) => listener(cluster, merge)),
      Object.entries(CLUSTERS).map(([name, fields]) => staticCluster(name, [c], fields)),
    ),
  async run({ connect, upstreams, note }) {
    for (const [i, { cluster, merge }] of cases.entries()) {
      for (const header of [theirs(i + 1), Buffer.alloc(0)]) {
        const index = upstreams.c.received.length;
        const wire = await connect(`${cluster} ${merge}`);
        await wire.send(Buffer.concat([header, Buffer.from('long enough to be no header')]));
        await eventually('it arrives', () => upstreams.c.received[index]?.endsWith('header'));
        const told = parseProxyHeader(Buffer.from(upstreams.c.received[index], 'latin1'));
        const tlvs = told.kind === 'header' ? told.tlvs.map(({ type, value }) => `${type.toString(16)}=${value}`) : [];
        const source = told.kind === 'header' ? told.ends?.source.address : '';
        note(`${cluster} ${merge} ${header.length > 0}: ${source} ${tlvs.join(' ')}`);
        wire.destroy();
      }
    }
  },
});
