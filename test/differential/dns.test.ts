/**
 * Names of clusters: which questions go to the server, which hosts come of the answers, and what is counted.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answer } from '#testing/behaviours.ts';
import { bootstrap, type Json, routeTo, socketAddress, typed, withRoutes } from '#testing/bootstrap.ts';
import { addressRecords, type DnsReply, type DnsServer, type DnsZone, startDnsServer } from '#testing/dns-server.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';

const KINDS: readonly ProxyKind[] = ['envoy', 'fairlead'];
const FAMILIES = ['AUTO', 'V4_ONLY', 'V6_ONLY', 'V4_PREFERRED', 'ALL'];
const COUNTED =
  /^cluster\.[\w-]+\.(update_(attempt|success|failure|empty|no_rebuild)|membership_\w+|default\.total_match_count)$|^dns\.cares\.(?!pending)/;

/** How a name is answered, by its first label. */
const ANSWERS: { [label: string]: (...asked: Parameters<DnsZone>) => DnsReply | undefined } = {
  both: (question) => addressRecords(question, ['10.0.0.1', '10.0.0.2', 'fd00::1']),
  twice: (question) => addressRecords(question, ['10.0.0.1', '10.0.0.1']),
  none: () => ({ rcode: 'NXDOMAIN' }),
  empty: () => ({}),
  refused: () => ({ rcode: 'REFUSED' }),
  failing: () => ({ rcode: 'SERVFAIL' }),
  silent: () => undefined,
  silent6: (question) => (question.type === 'AAAA' ? undefined : addressRecords(question, ['10.0.0.1'])),
  silent4: (question) => (question.type === 'A' ? undefined : {}),
  large: (question, query) =>
    query.startsWith('udp') ? { truncated: true } : addressRecords(question, ['10.0.0.1', '10.0.0.2']),
  alias: ({ name, type }) => ({
    answers: [
      { type: 'CNAME', name, ttl: 60, data: 'real.test' },
      ...(addressRecords({ name: 'real.test', type }, ['10.0.0.1', 'fd00::1']).answers ?? []),
    ],
  }),
};

const zone: DnsZone = (question, query) => (ANSWERS[question.name.split('.')[0]] ?? ANSWERS.none)(question, query);

interface DnsCluster {
  name: string;
  hosts: string[];
  /** Fields of the cluster. */
  more?: Json;
  /** Fields of the resolver. */
  resolver?: Json;
}

function dnsCluster({ name, hosts, more, resolver }: DnsCluster, port: number): Json {
  return {
    name,
    type: 'STRICT_DNS',
    dns_refresh_rate: '60s',
    typed_dns_resolver_config: {
      name: 'envoy.network.dns_resolver.cares',
      typed_config: typed('extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
        resolvers: [{ socket_address: { address: '127.0.0.1', port_value: port } }],
        query_timeout_seconds: '1',
        query_tries: 2,
        ...resolver,
      }),
    },
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: hosts.map(named) }] },
    ...more,
  };
}

function named(address: string): Json {
  return { endpoint: { address: { socket_address: { address, port_value: 80 } } } };
}

async function start(
  t: TestContext,
  kind: ProxyKind,
  clusters: DnsCluster[],
  answers: DnsZone,
  env: Record<string, string> = {},
) {
  const server = await startDnsServer(t, answers);
  const all = clusters.map((cluster) => dnsCluster(cluster, server.port));
  return { server, proxy: await startProxy(t, bootstrap([], all), { kind, env }) };
}

/** Every cluster's hosts as /clusters tells of them, in its order: but for that of clusters, which is by chance. */
async function hosts(proxy: RunningProxy): Promise<string[]> {
  const { body } = await proxy.get('/clusters');
  const lines = body.split('\n').filter((line) => /::(hostname|weight|priority|region|zone|health_flags)::/.test(line));
  const cluster = (line: string) => line.slice(0, line.indexOf('::'));
  return lines.sort((one, other) => cluster(one).localeCompare(cluster(other)));
}

async function counted(proxy: RunningProxy): Promise<Record<string, number>> {
  return Object.fromEntries(Object.entries(await proxy.stats()).filter(([name]) => COUNTED.test(name)));
}

async function allAnswered(proxy: RunningProxy): Promise<void> {
  await eventually('every name has been resolved', async () => {
    const stats = await proxy.stats('update_(attempt|success|failure)|pending_resolutions');
    const sum = (word: string) =>
      Object.entries(stats).reduce((total, [name, value]) => (name.endsWith(word) ? total + value : total), 0);
    return sum('update_attempt') > 0 && sum('update_attempt') === sum('update_success') + sum('update_failure');
  });
}

/** Starts both, and compares what each has come to. */
async function compareFirstAnswers(
  t: TestContext,
  clusters: DnsCluster[],
  answers = zone,
  env?: Record<string, string>,
): Promise<void> {
  const [envoy, ours] = await Promise.all(
    KINDS.map(async (kind) => {
      const { server, proxy } = await start(t, kind, clusters, answers, env);
      await allAnswered(proxy);
      return { hosts: await hosts(proxy), counted: await counted(proxy), queries: server.queries.sort() };
    }),
  );
  assert.deepEqual(ours.hosts, envoy.hosts);
  assert.deepEqual(ours.queries, envoy.queries);
  assert.deepEqual(ours.counted, envoy.counted);
}

test('each lookup family asks for what Envoy asks for', async (t) => {
  const clusters = FAMILIES.flatMap((family) =>
    ['both', 'none', 'empty', 'alias'].map((label) => ({
      name: `${label}-${family}`,
      hosts: [`${label}.test`],
      more: { dns_lookup_family: family },
    })),
  );
  await compareFirstAnswers(t, clusters);
});

test('servers that do not help are asked as often, and fail as much', async (t) => {
  const clusters = ['AUTO', 'V4_ONLY', 'ALL'].flatMap((family) =>
    ['refused', 'failing', 'silent', 'silent6', 'silent4'].map((label) => ({
      name: `${label}-${family}`,
      hosts: [`${label}.test`],
      more: { dns_lookup_family: family },
    })),
  );
  await compareFirstAnswers(t, clusters);
});

test('names, addresses, TCP and duplicates come out as by Envoy', async (t) => {
  const v4 = { dns_lookup_family: 'V4_ONLY' };
  const tcp = { dns_resolver_options: { use_tcp_for_dns_lookups: true } };
  const locality = { region: 'r', zone: 'z' };
  const endpoints = [
    { lb_endpoints: [named('both.test')] },
    {
      locality,
      priority: 1,
      load_balancing_weight: 3,
      lb_endpoints: [{ ...named('alias.test'), load_balancing_weight: 5 }],
    },
  ];
  await compareFirstAnswers(t, [
    { name: 'large', hosts: ['large.test'], more: v4 },
    { name: 'tcp', hosts: ['both.test'], more: v4, resolver: tcp },
    { name: 'twice', hosts: ['twice.test'], more: v4 },
    { name: 'two', hosts: ['twice.test', 'twice.test'], more: v4 },
    { name: 'complete', hosts: ['both.test.'], more: v4 },
    { name: 'localhost', hosts: ['localhost'] },
    { name: 'localhost-v4', hosts: ['localhost'], more: v4 },
    { name: 'localhost-all', hosts: ['localhost'], more: { dns_lookup_family: 'ALL' } },
    { name: 'address', hosts: ['127.0.0.1', '::1'] },
    { name: 'address-v6', hosts: ['127.0.0.1'], more: { dns_lookup_family: 'V6_ONLY' } },
    { name: 'other-version', hosts: ['::1'], more: v4 },
    { name: 'bad-name', hosts: ['a..b'], more: v4 },
    { name: 'places', hosts: [], more: { ...v4, load_assignment: { cluster_name: 'places', endpoints } } },
    { name: 'logical', hosts: ['both.test'], more: { type: 'LOGICAL_DNS', dns_lookup_family: 'ALL' } },
    { name: 'logical-none', hosts: ['none.test'], more: { type: 'LOGICAL_DNS' } },
    { name: 'nobody', hosts: [] },
  ]);
});

test('search domains are tried as by Envoy', async (t) => {
  const replies: Record<string, DnsReply | string[]> = {
    'first.a.test': ['10.0.0.1'],
    'second.b.test': ['10.0.0.2'],
    alone: ['10.0.0.3'],
    'empty.a.test': {},
    'empty-then.a.test': {},
    'empty-then.b.test': ['10.0.0.4'],
    'failing.a.test': { rcode: 'SERVFAIL' },
    'failing.b.test': ['10.0.0.5'],
    'one.dot.b.test': ['10.0.0.6'],
    'two.dots.here': ['10.0.0.7'],
    'three.dots.here.then.a.test': ['10.0.0.8'],
  };
  const answers: DnsZone = (question) => {
    const reply = replies[question.name] ?? { rcode: 'NXDOMAIN' };
    return Array.isArray(reply) ? addressRecords(question, reply) : reply;
  };
  const names = ['first', 'second', 'alone', 'nowhere', 'empty', 'empty-then', 'failing', 'one.dot', 'two.dots.here'];
  names.push('three.dots.here.then', 'first.', 'nowhere.');
  const clusters: DnsCluster[] = ['V4_ONLY', 'ALL', 'AUTO'].flatMap((family) =>
    names.map((name) => ({
      name: `${name.replaceAll('.', '-')}-${family}`,
      hosts: [name],
      more: { dns_lookup_family: family },
    })),
  );
  const resolver = { dns_resolver_options: { no_default_search_domain: true } };
  clusters.push({ name: 'unsearched', hosts: ['first'], more: { dns_lookup_family: 'V4_ONLY' }, resolver });
  await compareFirstAnswers(t, clusters, answers, { LOCALDOMAIN: 'a.test b.test', RES_OPTIONS: 'ndots:2' });
});

/** Answers of one name, one after the other; the proxy asks often. */
const STEPS: { [what: string]: DnsReply | string[] } = {
  'two addresses': ['10.0.0.1', '10.0.0.2'],
  'the same turned round': ['10.0.0.2', '10.0.0.1'],
  'one comes and one goes': ['10.0.0.2', '10.0.0.3'],
  'a server that fails': { rcode: 'SERVFAIL' },
  'no such name': { rcode: 'NXDOMAIN' },
  'an address again': ['10.0.0.4'],
};

test('hosts come and go with the answers as by Envoy', async (t) => {
  const often = { dns_lookup_family: 'V4_ONLY', dns_refresh_rate: '0.05s' };
  const clusters = [
    { name: 'strict', hosts: ['strict.test'], more: often },
    { name: 'logical', hosts: ['logical.test'], more: { ...often, type: 'LOGICAL_DNS' } },
  ];
  let now: DnsReply | string[] = STEPS['two addresses'];
  const answers: DnsZone = (question) => (Array.isArray(now) ? addressRecords(question, now) : now);
  const both = await Promise.all(KINDS.map((kind) => start(t, kind, clusters, answers)));
  for (const [what, reply] of Object.entries(STEPS)) {
    await t.test(what, async () => {
      now = reply;
      const [envoy, ours] = await Promise.all(both.map((one) => settled(one)));
      assert.deepEqual(ours, envoy);
    });
  }
});

/** Waits until answers of this step have been taken, and says what came of them. */
async function settled({ server, proxy }: { server: DnsServer; proxy: RunningProxy }): Promise<unknown> {
  const askedAgain = async () => {
    server.queries.length = 0;
    await eventually('both names are asked for again', () => {
      const count = (label: string) => server.queries.filter((query) => query.includes(label)).length;
      // A server that fails is asked twice each time.
      return count('strict') > 4 && count('logical') > 4;
    });
  };
  await askedAgain();
  const matched = await proxy.stats('total_match_count');
  await askedAgain();
  const counted = Object.entries(await proxy.stats('total_match_count')).map(([name, n]) => [name, n > matched[name]]);
  const stats = await proxy.stats(
    '^cluster\\.(strict|logical)\\.(membership_|max_host_weight)|^cluster_manager.cluster_updated$',
  );
  return { hosts: await hosts(proxy), stats, counted };
}

test('a server that does not answer is left for one that does', async (t) => {
  const seen = await Promise.all(
    KINDS.map(async (kind) => {
      const silent = await startDnsServer(t, () => undefined);
      const helpful = await startDnsServer(t, (question) => addressRecords(question, ['10.0.0.1']));
      const resolvers = [silent, helpful].map(({ port }) => socketAddress(port));
      const more = { dns_lookup_family: 'V4_ONLY', dns_refresh_rate: '0.02s' };
      const cluster = dnsCluster({ name: 'c', hosts: ['a.test'], more, resolver: { resolvers } }, 0);
      await startProxy(t, bootstrap([], [cluster]), { kind });
      await eventually('the second server is asked often', () => helpful.queries.length > 20);
      return silent.queries;
    }),
  );
  assert.deepEqual(seen, [['udp A a.test'], ['udp A a.test']]);
});

test('times to live that are too short are lengthened', async (t) => {
  const [envoy, ours] = await Promise.all(
    KINDS.map(async (kind) => {
      const server = await startDnsServer(t, (question) => addressRecords(question, ['10.0.0.1'], 1));
      const clusters = ['1s', '3s'].map((dns_min_refresh_rate) => {
        const { type, dns_refresh_rate, typed_dns_resolver_config, ...rest } = dnsCluster(
          { name: `least-${dns_min_refresh_rate}`, hosts: [`least-${dns_min_refresh_rate}.test`] },
          server.port,
        );
        const fields = { typed_dns_resolver_config, respect_dns_ttl: true, dns_min_refresh_rate };
        const typed_config = typed('extensions.clusters.dns.v3.DnsCluster', {
          ...fields,
          dns_lookup_family: 'V4_ONLY',
        });
        return { ...rest, cluster_type: { name: 'envoy.cluster.dns', typed_config } };
      });
      await startProxy(t, bootstrap([], clusters), { kind });
      const asked = (name: string) => server.queries.filter((query) => query.includes(name)).length;
      await eventually('a name is asked for again', () => asked('least-1s') === 3);
      return asked('least-3s');
    }),
  );
  assert.deepEqual([envoy, ours], [1, 1]);
});

test('a host that left has its idle connections closed, and the next request goes to the new one', async (t) => {
  const [envoy, ours] = await Promise.all(KINDS.map((kind) => moved(t, kind)));
  assert.deepEqual(ours, envoy);
});

/** Requests before and after the names of two clusters move. @returns what the upstream and the counters saw of it. */
async function moved(t: TestContext, kind: ProxyKind): Promise<unknown> {
  const upstream = await startUpstream(t, answer('fine'), { host: '0.0.0.0' });
  let now = ['127.0.0.1'];
  const server = await startDnsServer(t, (question) => addressRecords(question, now));
  const often = { dns_lookup_family: 'V4_ONLY', dns_refresh_rate: '0.05s' };
  const clusters = ['STRICT_DNS', 'LOGICAL_DNS'].map((type) => {
    const endpoint = { address: { socket_address: { address: 'moving.test', port_value: upstream.port } } };
    const load_assignment = { cluster_name: type, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
    return dnsCluster({ name: type, hosts: [], more: { ...often, type, load_assignment } }, server.port);
  });
  const routes = clusters.map(({ name }) => routeTo(`/${name}`, String(name)));
  const proxy = await startProxy(t, withRoutes(routes, clusters), { kind });
  const wire = await proxy.connect();
  const connections: number[] = [];
  for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    now = [address];
    for (const { name } of clusters) {
      const moved = new RegExp(`^${name}::${address.replaceAll('.', '\\.')}:`, 'm');
      await eventually(`${name} is at ${address}`, async () => moved.test((await proxy.get('/clusters')).body));
      await proxy.statBecomes(`cluster.${name}.upstream_cx_active`, 0);
      for (let i = 0; i < 2; i++) {
        await wire.send(`GET /${name} HTTP/1.1\r\nhost: a\r\n\r\n`);
        await wire.response();
      }
      connections.push(upstream.connections);
    }
  }
  return {
    connections,
    counted: await proxy.stats('^cluster\\.\\w+\\.(upstream_cx_(total|active|destroy\\w*)|membership_\\w+)$'),
  };
}
