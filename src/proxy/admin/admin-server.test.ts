import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Address } from '#config/model/address.ts';
import { startAdmin } from '#proxy/admin/admin-server.ts';
import { HANDLERS } from '#proxy/admin/handlers.ts';
import { adminContext, type FakeServer } from '#testing/admin-context.ts';

const LOOPBACK: Address = { kind: 'ip', address: '127.0.0.1', port: 0, protocol: 'TCP', ipv4Compat: false };

async function start(t: TestContext, context: FakeServer = adminContext()) {
  const server = await startAdmin(LOOPBACK, context);
  t.after(() => server.close());
  const port = server.address.kind === 'ip' ? server.address.port : 0;
  const ask = async (method: string, path: string, body?: string, type?: string) => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body, headers });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { port, ask, context, get: (path: string) => ask('GET', path), post: (path: string) => ask('POST', path) };
}

/** The bytes of an answer, until the connection is quiet. */
async function raw(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(request);
  let answer = '';
  for await (const chunk of socket.setEncoding('latin1')) answer += chunk;
  return answer;
}

test('an answer has the headers that Envoy sends, in its order', async (t) => {
  const { port } = await start(t);
  const answer = await raw(port, 'GET /ready HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(
    answer,
    /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/plain; charset=UTF-8\r\ncache-control: no-cache, max-age=0\r\nx-content-type-options: nosniff\r\ndate: [^\r]+ GMT\r\nserver: envoy\r\ntransfer-encoding: chunked\r\n\r\n5\r\nLIVE\n\r\n0\r\n\r\n$/,
  );
});

test('a path that is none gets 404 with the list of commands', async (t) => {
  const { get } = await start(t);
  const { status, text } = await get('/stats/');
  assert.equal(status, 404);
  assert.match(text, /^invalid path\. admin commands are:\n {2}\/: .*\n/);
});

test("every change needs POST, in Envoy's words", async (t) => {
  const { get, context } = await start(t);
  for (const { path, mutates } of HANDLERS) {
    if (!mutates) continue;
    const { status, text } = await get(path);
    assert.deepEqual([path, status, text], [path, 405, 'Method GET not allowed, POST required.']);
  }
  assert.deepEqual(context.did, []);
});

test('actions reach the server with what was asked', async (t) => {
  const { post, context } = await start(t);
  for (const path of [
    '/healthcheck/fail',
    '/healthcheck/ok',
    '/drain_listeners?graceful&inboundonly',
    '/reopen_logs',
    '/quitquitquit',
  ]) {
    assert.deepEqual(await post(path), { status: 200, type: 'text/plain; charset=UTF-8', text: 'OK\n' });
  }
  assert.deepEqual(context.did, [
    'fail',
    'ok',
    'drain {"graceful":true,"inboundOnly":true,"skipExit":false}',
    'reopen',
    'quit',
  ]);
});

test('/help names each command once, sorted, with its parameters', async (t) => {
  const { get } = await start(t);
  const { text } = await get('/help');
  const commands = [...text.matchAll(/^ {2}(\/\S*)(?: \(POST\))?: /gm)].map((match) => match[1]);
  assert.deepEqual(
    commands,
    HANDLERS.filter((one) => !one.hidden).map((one) => one.path),
  );
  assert.deepEqual(commands, [...commands].sort());
  assert.match(text, /\n {2}\/cpuprofiler \(POST\): .*\n {6}enable: .*; One of \(y, n\)\n/);
});

test('/ready answers 503 with the state unless the server is live', async (t) => {
  const { get } = await start(t, adminContext('{}', { state: () => 'DRAINING' }));
  const { status, text } = await get('/ready');
  assert.deepEqual([status, text], [503, 'DRAINING\n']);
});

test('/logging changes one logger, several, or all, and nothing when something is wrong', async (t) => {
  const { post, context } = await start(t);
  await post('/logging?http=debug');
  await post('/logging?paths=http2:trace,pool:off');
  assert.deepEqual(
    ['http', 'http2', 'pool', 'main'].map((name) => context.levels.get(name)),
    ['debug', 'trace', 'off', 'info'],
  );
  const wrong = {
    '/logging?paths=main:debug,nothing:debug': 'unknown logger name',
    '/logging?paths=main:debug,http:loud': 'unknown logger level',
    '/logging?paths=main': 'empty logger name or empty logger level',
    '/logging?level=loud': 'unknown logger level',
    '/logging?main=debug&http=debug': 'invalid number of parameters',
    '/logging?group=a:debug': 'group parameter requires fine-grain logging to be enabled',
  };
  for (const [path, words] of Object.entries(wrong)) {
    const { status, text } = await post(path);
    assert.deepEqual([status, text.split('\n')[0]], [400, `error: ${words}`]);
  }
  assert.equal(context.levels.get('main'), 'info');
  const { text } = await post('/logging?level=error');
  assert.match(text, /^active loggers:\n {2}a2a: error\n/);
});

test('/runtime_modify takes a query or a form, and says what is wrong', async (t) => {
  const changes: [string, string][] = [];
  const modify = (entries: Iterable<readonly [string, string]>) => {
    for (const [key, value] of entries) changes.push([key, value]);
    return undefined;
  };
  const values = { 'a.b': { raw: '2', number: 2 } };
  const snapshot = {
    layers: [
      { name: 'static', values: { 'a.b': { raw: '1', number: 1 } } },
      { name: 'admin', values },
    ],
    values,
  };
  const { ask, post, get } = await start(t, adminContext('{}', { runtime: { snapshot, modify } }));
  assert.equal((await post('/runtime_modify?a.b=2&c=%7B')).status, 200);
  await ask('POST', '/runtime_modify', 'd=e+f', 'application/x-www-form-urlencoded');
  assert.deepEqual(changes, [
    ['a.b', '2'],
    ['c', '{'],
    ['d', 'e f'],
  ]);
  assert.equal((await post('/runtime_modify')).status, 400);
  assert.deepEqual(JSON.parse((await get('/runtime')).text), {
    layers: ['static', 'admin'],
    entries: { 'a.b': { final_value: '2', layer_values: ['1', '2'] } },
  });
  const none = await start(t);
  const refused = await none.post('/runtime_modify?x=1');
  assert.deepEqual([refused.status, refused.text], [503, 'No admin layer specified']);
});

test('/server_info has every option, the node and the uptimes', async (t) => {
  const { get } = await start(t, adminContext('node: {id: one, cluster: c}'));
  const info = JSON.parse((await get('/server_info')).text) as Record<string, Record<string, unknown>>;
  assert.deepEqual([info.state, info.uptime_current_epoch, info.uptime_all_epochs], ['LIVE', '61s', '3600s']);
  assert.equal(info.node.id, 'one');
  assert.deepEqual(info.node.listening_addresses, []);
  assert.equal(info.command_line_options.drain_time, '600s');
  assert.equal(info.command_line_options.file_flush_interval, '10s');
  assert.equal(Object.keys(info.command_line_options).length, 39);
});

test('/init_dump shows what is waited for, all or by component', async (t) => {
  const targets = [
    { name: 'listener in', targets: ['RouteConfigProvider r'] },
    { name: 'cluster', targets: [] },
  ];
  const { get } = await start(t, adminContext('{}', { unreadyTargets: () => targets }));
  const dump = { unready_targets_dumps: [{ name: 'listener in', target_names: ['RouteConfigProvider r'] }] };
  assert.deepEqual(JSON.parse((await get('/init_dump')).text), dump);
  assert.deepEqual(JSON.parse((await get('/init_dump?mask=listener')).text), dump);
  assert.deepEqual(JSON.parse((await get('/init_dump?mask=cluster')).text), {});
});

test('/explain hands the request over, and says what is wrong with it', async (t) => {
  const { get } = await start(t);
  const path = '/explain?url=http://a:80/x%3Fy&method=POST&header=X-User:%20jason&header=b:c&alpn=h2&format=json';
  assert.deepEqual(JSON.parse((await get(path)).text), {
    url: 'http://a:80/x?y',
    method: 'POST',
    headers: [
      ['x-user', 'jason'],
      ['b', 'c'],
    ],
    alpn: ['h2'],
  });
  assert.equal((await get('/explain?url=http://a/')).text, 'GET http://a/\n');
  assert.equal((await get('/explain')).status, 400);
  assert.equal((await get('/explain?url=http://a/&header=x')).status, 400);
});

test('the admin port counts its own connections and requests', async (t) => {
  const { get, context } = await start(t);
  await get('/ready');
  await get('/nothing');
  const { hub } = context.stats;
  assert.equal(hub.counter('http.admin.downstream_rq_total'), 2);
  assert.equal(hub.counter('http.admin.downstream_rq_2xx'), 1);
  assert.equal(hub.counter('listener.admin.http.admin.downstream_rq_4xx'), 1);
  assert.ok(hub.counter('listener.admin.main_thread.downstream_cx_total') >= 1);
  assert.ok(hub.counter('http.admin.downstream_cx_rx_bytes_total') > 40);
  assert.ok(hub.counter('http.admin.downstream_cx_tx_bytes_total') > 200);
});

test('the admin API listens on a unix socket too', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'fairlead-admin-')), 'admin.sock');
  const server = await startAdmin({ kind: 'pipe', path, mode: 0o600 }, adminContext());
  t.after(() => server.close());
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const socket = connect(path);
  socket.end('GET /ready HTTP/1.1\r\nhost: a\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  assert.match(answer, /^HTTP\/1\.1 200 OK/);
});

test('the admin API is where its address says and nowhere else, with its socket options', async (t) => {
  const any: Address = { ...LOOPBACK, address: '::' };
  const server = await startAdmin(any, adminContext());
  t.after(() => server.close());
  const { port } = server.address as { port: number };
  await assert.rejects(fetch(`http://127.0.0.1:${port}/ready`));
  assert.equal((await fetch(`http://[::1]:${port}/ready`)).status, 200);
  const [SOL_SOCKET, SO_RCVBUF] = [1, 8];
  const option = { level: SOL_SOCKET, name: SO_RCVBUF, value: 8192, state: 'PREBIND' } as const;
  const set = await startAdmin(LOOPBACK, adminContext(), [option]);
  t.after(() => set.close());
  assert.equal((await fetch(`http://127.0.0.1:${(set.address as { port: number }).port}/ready`)).status, 200);
  const unknown = { ...option, level: 9999 };
  await assert.rejects(
    startAdmin(LOOPBACK, adminContext(), [unknown]),
    /^Error: ListenSocket: Setting socket options failed/,
  );
});

test('a connection beyond the limit on all connections is closed, and counted', async (t) => {
  let room = 1;
  const admit = () => room-- > 0;
  const leave = () => void room++;
  const { get, context, port } = await start(t, adminContext('{}', { admit, leave }));
  const first = connect(port, '127.0.0.1');
  await once(first, 'connect');
  await assert.rejects(get('/ready'));
  assert.equal(context.stats.hub.counter('listener.admin.downstream_global_cx_overflow'), 1);
  first.destroy();
});

test('a body beyond a megabyte is refused', async (t) => {
  const { ask } = await start(t);
  assert.equal((await ask('POST', '/logging', 'x'.repeat((1 << 20) + 1))).status, 413);
});

test('/cpuprofiler writes what V8 measured, once it is asked to stop', async (t) => {
  const profilePath = join(mkdtempSync(join(tmpdir(), 'fairlead-admin-')), 'cpu.cpuprofile');
  const { post } = await start(t, adminContext('{}', { profilePath }));
  assert.equal((await post('/cpuprofiler')).status, 400);
  assert.equal((await post('/cpuprofiler?enable=y')).status, 200);
  assert.equal((await post('/cpuprofiler?enable=y')).status, 500);
  assert.equal((await post('/cpuprofiler?enable=n')).status, 200);
  assert.ok(Array.isArray(JSON.parse(readFileSync(profilePath, 'utf8')).nodes));
});

test('/heap_dump shows samples of allocations while a profile is being taken', async (t) => {
  const profilePath = join(mkdtempSync(join(tmpdir(), 'fairlead-admin-')), 'heap.heapprofile');
  const { get, post } = await start(t, adminContext('{}', { profilePath }));
  assert.equal((await get('/heap_dump')).status, 400);
  await post('/heapprofiler?enable=y');
  assert.ok(JSON.parse((await get('/heap_dump')).text).head);
  assert.equal((await post('/heapprofiler?enable=n')).status, 200);
});

test('the home page has each command, as a link or a form that posts', async (t) => {
  const { get } = await start(t);
  const { type, text } = await get('/');
  assert.equal(type, 'text/html; charset=UTF-8');
  assert.match(text, /<a href="ready">ready<\/a>/);
  assert.match(text, /<form action="quitquitquit" method="post">/);
  assert.match(text, /<form action="stats" method="get">/);
});

test('/memory has numbers as text, and the allocator its spaces', async (t) => {
  const { get } = await start(t);
  const memory = JSON.parse((await get('/memory')).text) as Record<string, string>;
  assert.deepEqual(Object.keys(memory), [
    'allocated',
    'heap_size',
    'pageheap_unmapped',
    'pageheap_free',
    'total_thread_cache',
    'total_physical_bytes',
  ]);
  assert.ok(Number(memory.total_physical_bytes) > Number(memory.allocated));
  assert.match((await get('/memory/tcmalloc')).text, /\nold_space +\d+/);
});

test('lookups of stat names are counted, and listed once that is enabled', async (t) => {
  const { get, post, context } = await start(t);
  assert.match((await get('/stats/recentlookups')).text, /^Lookup tracking is not enabled.*\n\ntotal: \d+\n$/);
  await post('/stats/recentlookups/enable');
  context.thread.root.counter('b');
  context.thread.root.counter('a');
  context.thread.root.counter('b');
  assert.equal((await get('/stats/recentlookups')).text, '   Count Lookup\n       1 a\n       2 b\n\ntotal: 3\n');
  await post('/stats/recentlookups/clear');
  assert.equal((await get('/stats/recentlookups')).text, '   Count Lookup\n\ntotal: 0\n');
});

test('a path that admin.allow_paths leaves out is not served', async (t) => {
  const { get } = await start(t, adminContext('{}', { allows: (target) => target === '/ready' }));
  assert.equal((await get('/ready')).status, 200);
  const refused = await get('/ready?x');
  assert.deepEqual([refused.status, refused.text], [403, 'request to path /ready?x not allowed']);
});
