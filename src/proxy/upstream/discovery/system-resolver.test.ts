import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Schedule, systemSchedule } from '#base/timers.ts';
import type { LookupFamily, Resolution } from '#proxy/upstream/discovery/name-resolver.ts';
import { type ResolverOptions, SystemResolver } from '#proxy/upstream/discovery/system-resolver.ts';
import { addressRecords, type DnsServer, type DnsZone, startDnsServer } from '#testing/dns-server.ts';
import { eventually } from '#testing/eventually.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import type { Scope } from '#testing/scope.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

interface Trial {
  server: DnsServer;
  resolver: SystemResolver;
  root: PlainScope;
  hosts: string;
  ask(name: string, family?: LookupFamily): Promise<Resolution>;
}

interface TrialOptions extends Partial<ResolverOptions> {
  schedule?: Schedule;
  search?: string;
  /** What resolv.conf says besides. */
  system?: string;
}

const BOTH = ['10.0.0.1', '10.0.0.2', 'fd00::1'];

async function trial(t: Scope, zone: DnsZone, options: TrialOptions = {}): Promise<Trial> {
  const { schedule = systemSchedule, search = '', system = '', ...changes } = options;
  const folder = temporaryFolder(t);
  const hosts = join(folder, 'hosts');
  const resolvConf = join(folder, 'resolv.conf');
  writeFileSync(hosts, '10.9.9.9 known\n');
  writeFileSync(resolvConf, `search ${search}\n${system}`);
  const server = await startDnsServer(t, zone);
  const root = new PlainScope();
  const resolver = new SystemResolver(
    { resolvers: [server.address], useTcp: false, noDefaultSearchDomain: false, ...changes },
    root,
    { schedule, hosts, resolvConf },
  );
  const ask = (name: string, family: LookupFamily = 'V4_ONLY') =>
    new Promise<Resolution>((resolve) =>
      resolver.resolve(name, family, ({ status, addresses }) => resolve({ status, addresses })),
    );
  return { server, resolver, root, hosts, ask };
}

function texts({ addresses }: Resolution): string[] {
  return addresses.map(({ address }) => address);
}

const CASES: [family: LookupFamily, addresses: string[], queries: string[]][] = [
  ['AUTO', ['fd00::1'], ['udp AAAA a.test']],
  ['V4_ONLY', ['10.0.0.1', '10.0.0.2'], ['udp A a.test']],
  ['V6_ONLY', ['fd00::1'], ['udp AAAA a.test']],
  ['V4_PREFERRED', ['10.0.0.1', '10.0.0.2'], ['udp A a.test']],
  ['ALL', BOTH, ['udp A a.test', 'udp AAAA a.test']],
];

for (const [family, addresses, queries] of CASES) {
  test(`${family} asks for ${queries.join(' and ')}`, async (t) => {
    const { ask, server } = await trial(t, (question) => addressRecords(question, BOTH));
    assert.deepEqual(texts(await ask('a.test', family)), addresses);
    assert.deepEqual(server.queries.sort(), queries);
  });
}

test('AUTO and V4_PREFERRED go on to the other version where the first has no address', async (t) => {
  const { ask, root } = await trial(t, (question) => {
    return addressRecords(question, question.name === 'four.test' ? ['10.0.0.1'] : ['fd00::1']);
  });
  assert.deepEqual(texts(await ask('four.test', 'AUTO')), ['10.0.0.1']);
  assert.deepEqual(texts(await ask('six.test', 'V4_PREFERRED')), ['fd00::1']);
  assert.equal(root.value('dns.cares.resolve_total'), 4);
  assert.equal(root.value('dns.cares.not_found'), 2);
  assert.equal(root.value('dns.cares.pending_resolutions'), 0);
});

test('a name that does not exist is completed without addresses, one that a server refuses has failed', async (t) => {
  const { ask, server, root } = await trial(
    t,
    ({ name }) => (name === 'none.test' ? { rcode: 'NXDOMAIN' } : { rcode: 'REFUSED' }),
    { queryTries: 2 },
  );
  assert.deepEqual(await ask('none.test'), { status: 'completed', addresses: [] });
  assert.deepEqual(await ask('refused.test'), { status: 'failure', addresses: [] });
  assert.deepEqual(server.queries, ['udp A none.test', 'udp A refused.test', 'udp A refused.test']);
  assert.equal(root.value('dns.cares.get_addr_failure'), 1);
  assert.equal(root.value('dns.cares.reinits'), 1);
});

test('a silent server is asked again with twice the time, and then it has failed', async (t) => {
  const clock = new FakeClock();
  const { ask, server, root } = await trial(t, () => undefined, {
    schedule: clock.schedule,
    queryTimeout: 1000,
    queryTries: 2,
  });
  const asked = ask('a.test');
  await eventually('the first query', () => server.queries.length === 1);
  clock.advance(1000);
  await eventually('the second query', () => server.queries.length === 2);
  clock.advance(1999);
  assert.equal(root.value('dns.cares.pending_resolutions'), 1);
  clock.advance(1);
  assert.equal((await asked).status, 'failure');
  assert.equal(root.value('dns.cares.timeouts'), 2);
  assert.equal(root.value('dns.cares.get_addr_failure'), 0);
});

test('the next server is asked where one does not listen', async (t) => {
  const { server } = await trial(t, (question) => addressRecords(question, BOTH));
  const { ask } = await trial(t, () => undefined, { resolvers: ['127.0.0.1:1', server.address] });
  assert.deepEqual(texts(await ask('a.test')), ['10.0.0.1', '10.0.0.2']);
});

test('resolvers that are a fallback are asked where the system names nobody but itself', async (t) => {
  for (const [system, asked] of [
    ['', 1],
    ['nameserver 127.0.0.1', 1],
    ['nameserver 127.0.0.255\nnameserver 127.0.0.254', 0],
  ] as const) {
    // Nobody answers at the system's.
    const queryTimeout = asked === 0 ? 1 : 5000;
    const options = { resolversAreFallback: true as const, system, queryTimeout, queryTries: 1 };
    const { ask, server } = await trial(t, (question) => addressRecords(question, BOTH), options);
    await ask('a.test');
    assert.equal(server.queries.length, asked, system);
  }
});

test('an answer that is cut short is asked for again over TCP', async (t) => {
  const { ask, server } = await trial(t, (question, query) =>
    query.startsWith('udp') ? { truncated: true } : addressRecords(question, BOTH),
  );
  assert.deepEqual(texts(await ask('a.test')), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(server.queries, ['udp A a.test', 'tcp A a.test']);
});

test('use_tcp_for_dns_lookups asks over TCP alone', async (t) => {
  const { ask, server } = await trial(t, (question) => addressRecords(question, BOTH), { useTcp: true });
  assert.deepEqual(texts(await ask('a.test')), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(server.queries, ['tcp A a.test']);
});

test('an address behind an alias lives no longer than the alias', async (t) => {
  const { ask } = await trial(t, ({ name }) => ({
    answers: [
      { type: 'CNAME', name, ttl: 7, data: 'Real.test' },
      { type: 'A', name: 'real.test', ttl: 60, data: '10.0.0.1' },
      { type: 'A', name: 'stranger.test', ttl: 60, data: '10.6.6.6' },
    ],
  }));
  assert.deepEqual(await ask('a.test'), { status: 'completed', addresses: [{ address: '10.0.0.1', ttl: 7 }] });
});

test('aliases that go round in a circle have no address', async (t) => {
  const { ask } = await trial(t, () => ({
    answers: [
      { type: 'CNAME', name: 'a.test', ttl: 7, data: 'b.test' },
      { type: 'CNAME', name: 'b.test', ttl: 7, data: 'a.test' },
    ],
  }));
  assert.deepEqual(await ask('a.test'), { status: 'completed', addresses: [] });
});

test('short names are tried in the search domains, unless they are turned off', async (t) => {
  const zone: DnsZone = (question) =>
    question.name === 'shop.b.test' ? addressRecords(question, BOTH) : { rcode: 'NXDOMAIN' };
  const on = await trial(t, zone, { search: 'a.test b.test' });
  assert.deepEqual(texts(await on.ask('shop')), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(on.server.queries, ['udp A shop.a.test', 'udp A shop.b.test']);
  const off = await trial(t, zone, { search: 'a.test b.test', noDefaultSearchDomain: true });
  assert.deepEqual(texts(await off.ask('shop')), []);
  assert.deepEqual(off.server.queries, ['udp A shop']);
});

test('addresses, names of the hosts file and localhost need no server', async (t) => {
  const { ask, server } = await trial(t, () => undefined);
  assert.deepEqual(texts(await ask('10.1.2.3', 'V6_ONLY')), ['10.1.2.3']);
  assert.deepEqual(texts(await ask('fd00::7', 'AUTO')), ['fd00::7']);
  assert.deepEqual(texts(await ask('known')), ['10.9.9.9']);
  assert.deepEqual(texts(await ask('localhost', 'AUTO')), ['::1']);
  assert.deepEqual(texts(await ask('localhost', 'ALL')), ['127.0.0.1', '::1']);
  assert.deepEqual(server.queries, []);
});

test('the hosts file is read again when it has changed', async (t) => {
  const { ask, hosts } = await trial(t, () => ({ rcode: 'NXDOMAIN' }));
  assert.deepEqual(texts(await ask('known')), ['10.9.9.9']);
  writeFileSync(hosts, '10.8.8.8 known other\n');
  assert.deepEqual(texts(await ask('known')), ['10.8.8.8']);
});

test('what is not a name, or an address of the other version, fails without a query', async (t) => {
  const { ask, server, root } = await trial(t, () => undefined);
  for (const name of ['a..b', '::1', 'with space', 'x'.repeat(64)]) {
    assert.deepEqual(await ask(name), { status: 'failure', addresses: [] });
  }
  assert.deepEqual(server.queries, []);
  assert.equal(root.value('dns.cares.get_addr_failure'), 4);
  assert.equal(root.value('dns.cares.reinits'), 0);
});

test('once given up, nobody is called, and nothing is pending', async (t) => {
  const { resolver, server, root } = await trial(t, () => undefined);
  const giveUp = resolver.resolve('a.test', 'V4_ONLY', () => assert.fail('called'));
  await eventually('the query', () => server.queries.length === 1);
  giveUp();
  await eventually('the end', () => root.value('dns.cares.pending_resolutions') === 0);
});
