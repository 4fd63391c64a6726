import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { decode, encode } from 'dns-packet';
import { bootstrap, type Json, socketAddress, staticCluster, typed } from '#testing/bootstrap.ts';
import { startDnsServer } from '#testing/dns-server.ts';
import { eventually } from '#testing/eventually.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

function dnsListener(config: Json): Json {
  const filter = typed('extensions.filters.udp.dns_filter.v3.DnsFilterConfig', { stat_prefix: 'p', ...config });
  return {
    name: 'in',
    address: { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: 0 } },
    listener_filters: [{ name: 'dns', typed_config: filter }],
  };
}

const list = (...address: string[]) => ({ endpoint: { address_list: { address } } });

const TABLE = {
  virtual_domains: [
    { name: 'www.foo.test', answer_ttl: '77s', ...list('10.0.0.1', '10.0.0.2', 'fd00::1') },
    { name: '*.wild.test', ...list('10.0.1.1') },
    { name: 'many.test', ...list(...Array.from({ length: 40 }, (_, i) => `10.1.0.${i + 1}`)) },
    { name: 'c.cluster.test', endpoint: { cluster_name: 'c' } },
    { name: 'e.cluster.test', endpoint: { cluster_name: 'empty' } },
  ],
};

const FLAGS = 0x0100;

function query(name: string, type = 'A', more: object = {}): Buffer {
  const questions = [{ type: type as 'A', name, class: 'IN' as const }];
  return Buffer.from(encode({ id: 4660, type: 'query', flags: FLAGS, questions, ...more }));
}

/** A question, with some of its bytes changed. */
function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = query('www.foo.test');
  change(bytes);
  return bytes;
}

const LONG = ['a', 'b', 'c'].map((letter) => letter.repeat(63)).join('.');

const QUERIES: Record<string, Buffer> = {
  ...Object.fromEntries(
    [
      ...[
        'A www.foo.test',
        'AAAA www.foo.test',
        'A WWW.foo.test',
        'MX www.foo.test',
        'TXT www.foo.test',
        'SRV www.foo.test',
      ],
      ...['A a.wild.test', 'A a.b.wild.test', 'A wild.test', 'A x.foo.test', 'A many.test', 'AAAA many.test'],
      ...['A c.cluster.test', 'AAAA c.cluster.test', 'A e.cluster.test', 'A none.test', `A ${LONG}`],
      ...['A ext.test', 'AAAA ext.test', 'A nx.test', 'A localhost'],
    ].map((line) => [line, query(line.split(' ')[1], line.split(' ')[0])]),
  ),
  'an OPT record': query('www.foo.test', 'A', {
    additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] }],
  }),
  'a record': query('www.foo.test', 'A', { answers: [{ type: 'A', name: 'x.test', data: '1.2.3.4' }] }),
  'a response': query('www.foo.test', 'A', { type: 'response' }),
  'no name': query(''),
  'three bytes': Buffer.from([1, 2, 3]),
  zeros: Buffer.alloc(12),
  'cut off': query('www.foo.test').subarray(0, 20),
  'more behind it': Buffer.concat([query('www.foo.test'), Buffer.from('more')]),
  'another opcode': changed((bytes) => bytes.writeUInt16BE(0x0900, 2)),
  'no recursion': changed((bytes) => bytes.writeUInt16BE(0, 2)),
  'another class': changed((bytes) => bytes.writeUInt16BE(3, bytes.length - 2)),
  'a name that points': changed((bytes) => bytes.writeUInt16BE(0xc00c, 12)),
  'a label that is too long': changed((bytes) => bytes.writeUInt8(70, 12)),
};

/** @returns the header, and how many answers of which kind: which of many come first is left to chance */
async function ask(proxy: RunningProxy, bytes: Buffer): Promise<unknown> {
  const socket = createSocket('udp4');
  socket.send(bytes, await proxy.listenerPort(), '127.0.0.1');
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  const answers = decode(answer).answers ?? [];
  const texts = answers.map((one) => JSON.stringify(one)).sort();
  return {
    header: answer.toString('hex', 0, 12),
    length: answer.length,
    answers: texts.length < 8 ? texts : texts.length,
  };
}

async function compare(t: TestContext, config: Json): Promise<void> {
  const seen: unknown[] = [];
  const boot = bootstrap([dnsListener(config)], [staticCluster('c', []), staticCluster('empty', [])]);
  const cluster = (boot.static_resources as { clusters: Json[] }).clusters[0];
  const endpoint = (address: string) => ({ endpoint: { address: socketAddress(80, address) } });
  cluster.load_assignment = {
    cluster_name: 'c',
    endpoints: [{ lb_endpoints: ['127.0.0.7', '127.0.0.8'].map(endpoint) }],
  };
  for (const kind of ['envoy', 'fairlead'] as const) {
    const proxy = await startProxy(t, boot, { kind });
    const answers: Record<string, unknown> = {};
    for (const [name, bytes] of Object.entries(QUERIES)) answers[name] = await ask(proxy, bytes);
    await eventually(
      'all are counted',
      async () => (await proxy.stat('dns_filter.p.downstream_tx_responses')) >= Object.keys(QUERIES).length,
    );
    seen.push({ answers, stats: await proxy.stats('^dns_filter') });
    await proxy.kill();
  }
  assert.deepEqual(seen[1], seen[0]);
}

test('names of the table are answered as by Envoy, and nothing else', async (t) => {
  await compare(t, { server_config: { inline_dns_table: TABLE } });
});

test('names in whatever case, from a table in a file', async (t) => {
  const filename = join(temporaryFolder(t), 'table.json');
  writeFileSync(filename, JSON.stringify(TABLE));
  await compare(t, { server_config: { external_dns_table: { filename } }, case_insensitive: true });
});

test('for other names, others are asked', async (t) => {
  const server = await startDnsServer(t, ({ name, type }) => {
    if (name !== 'ext.test') return { rcode: 'NXDOMAIN' };
    const answers = type === 'A' ? ['192.0.2.1', '192.0.2.2'] : ['2001:db8::1'];
    return { answers: answers.map((data) => ({ type: type as 'A', name, ttl: 33, data })) };
  });
  const cares = typed('extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
    resolvers: [socketAddress(server.port)],
    dns_resolver_options: { no_default_search_domain: true },
  });
  const client_config = {
    max_pending_lookups: 10,
    typed_dns_resolver_config: { name: 'envoy.network.dns_resolver.cares', typed_config: cares },
  };
  await compare(t, { server_config: { inline_dns_table: TABLE }, client_config });
});

test('a server that is silent is given up', async (t) => {
  const server = await startDnsServer(t, () => undefined);
  const client_config = {
    max_pending_lookups: 1,
    resolver_timeout: '1s',
    upstream_resolvers: [socketAddress(server.port)],
  };
  const boot = bootstrap(
    [dnsListener({ server_config: { inline_dns_table: { ...TABLE, external_retry_count: 0 } }, client_config })],
    [staticCluster('c', []), staticCluster('empty', [])],
  );
  const proxy = await startProxy(t, boot);
  const [first, second] = [ask(proxy, query('silent.test')), ask(proxy, query('another.test'))];
  const refused = { header: '123481830001000000000000', answers: [] as string[] };
  for (const answer of [await second, await first])
    assert.deepEqual({ ...(answer as object), length: undefined }, { ...refused, length: undefined });
  assert.ok(server.queries.some((asked) => asked.includes('silent.test')));
});
