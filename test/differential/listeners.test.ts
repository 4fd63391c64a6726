/**
 * Where listeners listen, and which filter chain answers: ours and real Envoy with the same bootstrap.
 */
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  answering,
  bootstrap,
  connectionManager,
  httpListener,
  type Json,
  routeConfig,
  socketAddress,
} from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import { freePort } from '#testing/free-port.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const BOTH: ProxyKind[] = ['envoy', 'fairlead'];

/** A chain whose every answer is its name, and the connection's two ends. */
function chain(name: string, match: Json = {}): Json {
  const said = '%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%';
  const ends = { response_headers_to_add: [{ header: { key: 'x-ends', value: said } }] };
  const manager = connectionManager(routeConfig([answering(name, { prefix: '/' })], {}, ends));
  return { name, filter_chain_match: match, filters: [manager] };
}

function listening(listener: Json, chains: Json[]): Json {
  return bootstrap([httpListener({ listener: { filter_chains: chains, ...listener } })]);
}

/** @returns `body ends`, or what went wrong. */
function ask(options: RequestOptions): Promise<string> {
  return new Promise((resolve) => {
    const sent = request({ path: '/', agent: false, ...options }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${body} ${response.headers['x-ends']}`));
    });
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}

function onBoth(name: string, run: (t: TestContext, kind: ProxyKind, concurrency: number) => Promise<void>): void {
  for (const kind of BOTH)
    for (const concurrency of [1, 2])
      test(`${name} (${kind}, ${concurrency} workers)`, (t) => run(t, kind, concurrency));
}

onBoth('a listener has several addresses: IPv4, IPv6, unix sockets', async (t, kind, concurrency) => {
  const folder = temporaryFolder(t);
  const path = join(folder, 'in.sock');
  // What a proxy before left there.
  writeFileSync(path, '');
  const hidden = `@fairlead-test-${process.pid}-${kind}-${concurrency}`;
  const [four, six] = [await freePort(), await freePort()];
  const additional = [
    { address: socketAddress(six, '::1') },
    { address: { pipe: { path, mode: 0o620 } } },
    { address: { pipe: { path: hidden } } },
  ];
  const tree = listening({ address: socketAddress(four), additional_addresses: additional }, [chain('c')]);
  await startProxy(t, tree, { kind, concurrency });
  assert.equal(await ask({ host: '127.0.0.1', port: four }), 'c 127.0.0.1 127.0.0.1');
  assert.equal(await ask({ host: '::1', port: six }), 'c ::1 ::1');
  assert.match(await ask({ socketPath: path }), /^c .*in\.sock$/);
  assert.equal(statSync(path).mode & 0o777, 0o620);
  assert.match(await ask({ socketPath: hidden.replace('@', '\0') }), /^c /);
});

onBoth('a filter chain is chosen by where the connection goes and comes from', async (t, kind, concurrency) => {
  const port = await freePort();
  const to = (address: string, bits = 32) => ({ prefix_ranges: [{ address_prefix: address, prefix_len: bits }] });
  const from = (address: string, bits = 32) => ({
    source_prefix_ranges: [{ address_prefix: address, prefix_len: bits }],
  });
  const tree = listening({ address: socketAddress(port, '0.0.0.0'), default_filter_chain: chain('else') }, [
    chain('exact', to('127.0.0.9')),
    chain('wide', to('127.1.0.0', 16)),
    chain('narrow', to('127.1.2.0', 24)),
    chain('source', { ...to('127.1.0.0', 16), ...from('127.0.0.5') }),
    chain('local', { ...to('127.2.0.0', 16), source_type: 'SAME_IP_OR_LOOPBACK' }),
    chain('external', { ...to('127.2.0.0', 16), source_type: 'EXTERNAL' }),
    chain('never', { ...to('127.0.0.1'), transport_protocol: 'tls' }),
  ]);
  await startProxy(t, tree, { kind, concurrency });
  const asked = async (host: string, localAddress = '127.0.0.1') => {
    const answer = await ask({ host, port, localAddress });
    return answer.split(' ')[0];
  };
  assert.equal(await asked('127.0.0.9'), 'exact');
  assert.equal(await asked('127.1.9.9'), 'wide');
  assert.equal(await asked('127.1.2.9'), 'narrow');
  assert.equal(await asked('127.1.9.9', '127.0.0.5'), 'source');
  assert.equal(await asked('127.2.0.1'), 'local');
  assert.equal(await asked('127.2.0.1', '127.2.0.1'), 'local');
  assert.equal(await asked('127.2.0.1', '127.0.0.7'), 'external');
  assert.equal(await asked('127.0.0.1'), 'else');
});

onBoth('a chain for the port of the connection leaves the others out', async (t, kind, concurrency) => {
  const port = await freePort();
  const elsewhere = { destination_port: port, prefix_ranges: [{ address_prefix: '127.0.0.9', prefix_len: 32 }] };
  const chains = [chain('port', elsewhere), chain('any')];
  const tree = listening({ address: socketAddress(port), default_filter_chain: chain('else') }, chains);
  await startProxy(t, tree, { kind, concurrency });
  assert.match(await ask({ host: '127.0.0.1', port }), /^else /);
});

onBoth('a connection that no chain is for is closed, and counted', async (t, kind, concurrency) => {
  const port = await freePort();
  const tree = listening({ address: socketAddress(port), stat_prefix: 'l' }, [chain('c', { destination_port: 1 })]);
  const proxy = await startProxy(t, tree, { kind, concurrency });
  assert.equal(await ask({ host: '127.0.0.1', port }), 'ECONNRESET');
  assert.equal(await proxy.stat('listener.l.no_filter_chain_match'), 1);
});

onBoth('with exact_balance workers have equally many connections', async (t, kind, concurrency) => {
  const listener = { stat_prefix: 'b', connection_balance_config: { exact_balance: {} }, filter_chains: [chain('c')] };
  const proxy = await startProxy(t, bootstrap([httpListener({ listener })]), { kind, concurrency });
  const wires = [];
  for (let i = 0; i < 8; i++) {
    const wire = await proxy.connect();
    await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    assert.equal((await wire.response()).body, 'c');
    wires.push(wire);
  }
  for (let worker = 0; worker < concurrency; worker++)
    assert.equal(await proxy.stat(`listener.b.worker_${worker}.downstream_cx_active`), 8 / concurrency);
  for (const wire of wires) wire.destroy();
  await proxy.statBecomes('listener.b.downstream_cx_active', 0);
});

onBoth('a listener takes as many connections as the runtime says', async (t, kind, concurrency) => {
  const tree = bootstrap(
    ['few', 'many'].map((name) => httpListener({ name, listener: { stat_prefix: name, filter_chains: [chain('c')] } })),
    [],
    {
      layered_runtime: {
        layers: [
          { name: 's', static_layer: { 'envoy.resource_limits.listener.few.connection_limit': 2 } },
          { name: 'a', admin_layer: {} },
        ],
      },
    },
  );
  const proxy = await startProxy(t, tree, { kind, concurrency });
  const first = await proxy.connect('few');
  await proxy.connect('few');
  await proxy.statBecomes('listener.few.downstream_cx_active', 2);
  const third = await proxy.connect('few');
  await third.closed();
  assert.equal(await proxy.stat('listener.few.downstream_cx_overflow'), 1);
  await proxy.connect('many');
  first.destroy();
  await proxy.statBecomes('listener.few.downstream_cx_active', 1);
  const fourth = await proxy.connect('few');
  await proxy.statBecomes('listener.few.downstream_cx_active', 2);
  assert.equal(fourth.ending, undefined);
  assert.equal(await proxy.stat('listener.many.downstream_cx_overflow'), 0);
});

onBoth('all listeners together take as many connections as the runtime says', async (t, kind, concurrency) => {
  const tree = bootstrap(
    ['one', 'other'].map((name) =>
      httpListener({ name, listener: { stat_prefix: name, filter_chains: [chain('c')] } }),
    ),
    [],
    {
      admin: { address: socketAddress(0), ignore_global_conn_limit: true },
      layered_runtime: {
        layers: [{ name: 's', static_layer: { 'overload.global_downstream_max_connections': 2 } }],
      },
    },
  );
  const proxy = await startProxy(t, tree, { kind, concurrency });
  await proxy.connect('one');
  // The question to the admin API counts until its connection is closed.
  await eventually('there is room for one more', async () => {
    await proxy.connect('other');
    return (await proxy.stat('listener.other.downstream_cx_active')) === 1;
  });
  await (await proxy.connect('one')).closed();
  assert.equal(await proxy.stat('listener.one.downstream_global_cx_overflow'), 1);
});

onBoth(
  'a server that fails health checks asks connections to go, except at listeners that drain when changed only',
  async (t, kind, concurrency) => {
    const listeners = ['DEFAULT', 'MODIFY_ONLY'].map((drain_type) =>
      httpListener({ name: drain_type, listener: { drain_type, filter_chains: [chain('c')] } }),
    );
    const proxy = await startProxy(t, bootstrap(listeners), { kind, concurrency });
    const closes = async (listener: string) => {
      const wire = await proxy.connect(listener);
      await wire.send('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
      return (await wire.response()).header('connection') ?? 'stays';
    };
    const both = async () => [await closes('DEFAULT'), await closes('MODIFY_ONLY')];
    assert.deepEqual(await both(), ['stays', 'stays']);
    await proxy.admin.post('/healthcheck/fail');
    await eventually('every worker knows', async () => (await closes('DEFAULT')) === 'close');
    assert.deepEqual(await both(), ['close', 'stays']);
    await proxy.admin.post('/healthcheck/ok');
    await eventually('every worker knows', async () => (await closes('DEFAULT')) === 'stays');
    assert.deepEqual(await both(), ['stays', 'stays']);
  },
);
