/**
 * The bootstraps of documented/, each written after one of the examples that Envoy's documentation describes, run as they stand by ours and by
 * real Envoy: the same requests get the same answers.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { responseText } from '#testing/behaviours.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { freePort } from '#testing/free-port.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { type Behaviour, startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { get, post } from './subject.ts';

const FOLDER = join(import.meta.dirname, 'documented');

interface Ask {
  send: string;
  listener?: string;
  tls?: boolean;
}

const host = (name: string, path: string, ...headers: string[]): string =>
  get(path, ...headers).replace('example.test', name);

const EXAMPLES: Record<string, Ask[]> = {
  tls: [
    { listener: 'https_to_http', tls: true, send: get('/a') },
    { listener: 'http_to_https', send: get('/b') },
    { listener: 'https_to_https', tls: true, send: post('/c', 'body') },
  ],
  redirect: [
    { send: get('/old/a?q=1') },
    { send: get('/moved?q=1') },
    { send: get('/user/12') },
    { send: get('/user/x') },
    { send: host('secure.test', '/login') },
    { send: host('secure.test:80', '/login') },
  ],
  'direct-response': [{ send: get('/health') }, { send: get('/teapot') }, { send: get('/else') }],
  'weighted-split': [{ send: get('/shift') }, { send: get('/split') }, { send: get('/all') }],
  'header-matching': [
    { send: get('/a', 'x-canary: true') },
    { send: get('/a', 'x-canary: yes') },
    { send: get('/a', 'user-agent: A Mobile Thing') },
    { send: get('/a?version=2.1') },
    { send: get('/admin') },
    { send: post('/admin', '') },
  ],
  'local-replies': [
    { send: host('app.test', '/nothing') },
    { send: host('nobody.test', '/api') },
    { send: host('app.test', '/none') },
    { send: host('app.test', '/api') },
  ],
  'double-proxy': [
    { listener: 'front', send: get('/through') },
    { listener: 'front', send: post('/through', 'both') },
  ],
};

/** Answers with its name and the request that it got. */
const named =
  (name: string): Behaviour =>
  async (exchange) => {
    const message = await exchange.whole();
    const body = `${message?.head}${message?.body}`;
    await exchange.write(responseText({ headers: { 'x-answered-by': name }, body }));
  };

async function answers(t: TestContext, kind: ProxyKind, example: string): Promise<string[]> {
  const folder = temporaryFolder(t);
  const [server, front] = [signed('server.test'), signed('front.test')];
  const files = {
    'server.crt': server.cert,
    'server.key': server.key,
    'front.crt': front.cert,
    'front.key': front.key,
    'ca.crt': testAuthority().cert,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const ports: Record<string, number> = { back: await freePort() };
  for (const name of ['service', 'service_v2']) ports[name] = (await startUpstream(t, named(name))).port;
  ports.tls_service = (
    await startUpstream(t, named('tls_service'), { tls: { cert: server.cert, key: server.key } })
  ).port;
  const text = readFileSync(join(FOLDER, `${example}.yaml`), 'utf8').replaceAll(
    /"\{\{([\w.]+)\}\}"/g,
    (_, name: string) => JSON.stringify(ports[name] ?? join(folder, name)),
  );
  const proxy = await startProxy(t, text, { kind });
  const seen: string[] = [];
  for (const { send, listener, tls } of EXAMPLES[example]) {
    const wire = await proxy.connect(listener, tls ? { tls: {} } : {});
    await wire.send(send);
    const { startLine, headers, body } = await wire.response(send.slice(0, send.indexOf(' ')));
    wire.destroy();
    seen.push([startLine, ...headers.map(([name, value]) => `${name}: ${value}`), '', body.toString()].join('\n'));
  }
  return seen.map(masked);
}

/** What differs from one moment, and one machine's port, to the next. */
function masked(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
    .replaceAll(/date: .*/g, 'date: <date>')
    .replaceAll(/service-time: \d+/g, 'service-time: <ms>')
    .split('\n')
    .sort()
    .join('\n');
}

for (const example of Object.keys(EXAMPLES)) {
  test(`${example} answers as by Envoy`, async (t) => {
    assert.deepEqual(await answers(t, 'fairlead', example), await answers(t, 'envoy', example));
  });
}
