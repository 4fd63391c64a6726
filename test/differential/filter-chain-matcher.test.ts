/**
 * Filter chains that the generic matcher of a listener chooses by name, on what listener filters found out: ours and real Envoy.
 */
import {
  answering,
  bootstrap,
  connectionManager,
  httpListener,
  type Json,
  routeConfig,
  typed,
} from '#testing/bootstrap.ts';
import type { RunningProxy } from '#testing/start-proxy.ts';
import { sameOnBoth } from './same-on-both.ts';

const NETWORK = 'extensions.matching.common_inputs.network.v3';
const XDS = 'type.googleapis.com/xds.type.matcher.v3';

function input(kind: string): Json {
  return { name: kind, typed_config: typed(`${NETWORK}.${kind}`) };
}

/** The action: take the chain of that name. */
function take(name: string): Json {
  const value = { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: name };
  return { action: { name, typed_config: value } };
}

function custom(type: string, fields: Json): Json {
  return { name: type, typed_config: { '@type': `${XDS}.${type}`, ...fields } };
}

function ranges(address: string, bits: number, on_match: Json, more: Json = {}): Json {
  return { ranges: [{ address_prefix: address, prefix_len: bits }], on_match, ...more };
}

/** Each chain has the name as its answer, and for its stats. */
function chain(name: string): Json {
  const manager = connectionManager({ ...routeConfig([answering(name, { prefix: '/' })]), stat_prefix: name });
  return { name, filters: [manager] };
}

function listener(name: string, filters: string[], matcher: Json, chains: string[]): Json {
  return httpListener({
    name,
    listener: {
      stat_prefix: name,
      listener_filters: filters.map((type) => ({
        name: type,
        typed_config: typed(`extensions.filters.listener.${type}`),
      })),
      filter_chain_matcher: matcher,
      filter_chains: chains.map(chain),
    },
  });
}

const onPort80 = (name: string): Json => ({
  matcher: {
    matcher_tree: { input: input('DestinationPortInput'), exact_match_map: { map: { 80: take(name) } } },
  },
});

const PROXY = 'proxy_protocol.v3.ProxyProtocol';
const networks = listener(
  'networks',
  [PROXY],
  {
    matcher_tree: {
      input: input('SourceIPInput'),
      custom_match: custom('IPMatcher', {
        range_matchers: [
          ranges('10.0.0.0', 8, take('wide')),
          ranges('10.1.0.0', 16, onPort80('narrow')),
          ranges('11.0.0.0', 8, take('exclusive'), { exclusive: true }),
          ranges('11.1.0.0', 16, onPort80('inner')),
          ranges('fd00::', 16, take('six')),
        ],
      }),
    },
    on_no_match: take('nobody'),
  },
  ['wide', 'narrow', 'exclusive', 'inner', 'six'],
);

const predicates = listener(
  'predicates',
  [PROXY, 'http_inspector.v3.HttpInspector'],
  {
    matcher_list: {
      matchers: [
        {
          predicate: {
            and_matcher: {
              predicate: [
                {
                  single_predicate: {
                    input: input('SourceIPInput'),
                    custom_match: {
                      name: 'ip',
                      typed_config: typed('extensions.matching.input_matchers.ip.v3.Ip', {
                        cidr_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 8 }],
                        stat_prefix: 'x',
                      }),
                    },
                  },
                },
                {
                  not_matcher: {
                    single_predicate: { input: input('DestinationPortInput'), value_match: { exact: '80' } },
                  },
                },
              ],
            },
          },
          on_match: take('ten'),
        },
        {
          predicate: {
            single_predicate: { input: input('ApplicationProtocolInput'), value_match: { exact: "'http/1.0'" } },
          },
          on_match: take('old'),
        },
        {
          predicate: {
            single_predicate: { input: input('TransportProtocolInput'), value_match: { exact: 'raw_buffer' } },
          },
          on_match: take('raw'),
        },
      ],
    },
  },
  ['ten', 'old', 'raw'],
);

const names = listener(
  'names',
  ['tls_inspector.v3.TlsInspector'],
  {
    matcher_tree: {
      input: input('ServerNameInput'),
      custom_match: custom('ServerNameMatcher', {
        domain_matchers: [
          { domains: ['*.test', 'exact.test'], on_match: take('wild') },
          { domains: ['a.b.test'], on_match: take('exact') },
          {
            domains: ['*.b.test'],
            on_match: {
              matcher: {
                matcher_tree: {
                  input: input('ApplicationProtocolInput'),
                  exact_match_map: { map: { "'h2'": take('h2') } },
                },
              },
            },
          },
          { domains: ['*'], on_match: take('any') },
        ],
      }),
    },
  },
  ['wild', 'exact', 'h2', 'any'],
);

/** @returns the chain that got the connection, by its stats. */
async function chosen(proxy: RunningProxy, act: () => Promise<unknown>): Promise<string> {
  const totals = () => proxy.stats('^http\\.[a-z0-9]+\\.downstream_cx_total$|no_filter_chain_match$');
  const before = await totals();
  await act();
  const grown = Object.entries(await totals()).filter(([name, value]) => value > (before[name] ?? 0));
  return grown.map(([name]) => name).join();
}

sameOnBoth(
  'the generic matcher goes by networks, predicates and server names',
  bootstrap([networks, predicates, names]),
  async (proxy, note) => {
    const told = async (to: string, source: string, port: number, version = '1.1') => {
      const family = source.includes(':') ? 'TCP6' : 'TCP4';
      const destination = family === 'TCP6' ? '::1' : '5.6.7.8';
      const wire = await proxy.connect(to);
      await wire.send(`PROXY ${family} ${source} ${destination} 1 ${port}\r\nGET / HTTP/${version}\r\nhost: a\r\n\r\n`);
      const answer = await wire.response().then(
        ({ status, body }) => `${status} ${body}`,
        () => `${wire.ending}`,
      );
      wire.destroy();
      return answer;
    };
    for (const source of ['10.1.2.3', '10.2.2.3', '11.1.2.3', '11.2.2.3', 'fd00::1', '12.1.1.1'])
      for (const port of [80, 81]) note(`${source} to ${port}`, await told('networks', source, port));
    for (const [source, port, version] of [
      ['10.1.2.3', 81, '1.1'],
      ['10.1.2.3', 80, '1.1'],
      ['11.1.2.3', 81, '1.0'],
    ] as const)
      note(`${source} to ${port} ${version}`, await told('predicates', source, port, version));
    for (const [servername, protocols] of [
      ['a.test', []],
      ['exact.test', []],
      ['A.b.test', []],
      ['x.b.test', ['h2']],
      ['x.b.test', ['http/1.1']],
      ['x.y.b.test', ['h2']],
      ['b.test', []],
      ['other', []],
      [undefined, []],
    ] as const) {
      const tls = { servername, ALPNProtocols: [...protocols] };
      note(`${servername} ${protocols}`, await chosen(proxy, () => proxy.connect('names', { tls }).catch(() => {})));
    }
  },
);
