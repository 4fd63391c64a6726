/**
 * Certificates whose folder is watched change while the proxy runs, on both sides and on every worker; connections that are there stay.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret#key-rotation
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { answer } from '#testing/behaviours.ts';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  type Json,
  routeConfig,
  routeTo,
  staticCluster,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { type Certificate, certificate, signed, testAuthority } from '#testing/certificates.ts';
import { eventually } from '#testing/eventually.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { startUpstream } from '#testing/start-upstream.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { wireClient } from '#testing/wire-client.ts';

const GET = 'GET / HTTP/1.1\r\nhost: a.test\r\n\r\n';
const [first, second] = [signed('first'), signed('second')];
const otherAuthority = certificate({ commonName: 'another authority', isAuthority: true });
const stranger = certificate({ commonName: 'stranger', names: ['DNS:stranger'], authority: otherAuthority });

/** A folder as Kubernetes mounts secrets: the files are links through `..data`, which is replaced as a whole. */
function mountedSecret(folder: string, files: Record<string, string>) {
  let version = 0;
  const replace = (content: Record<string, string>) => {
    const fresh = join(folder, `..${++version}`);
    mkdirSync(fresh, { recursive: true });
    for (const [name, text] of Object.entries(content)) writeFileSync(join(fresh, name), text);
    symlinkSync(`..${version}`, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  replace(files);
  for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(folder, name));
  return replace;
}

const filesOf = ({ cert, key }: Certificate) => ({ 'tls.crt': cert, 'tls.key': key });

function watched(folder: string): Json {
  return {
    tls_certificates: [
      {
        certificate_chain: { filename: join(folder, 'tls.crt') },
        private_key: { filename: join(folder, 'tls.key') },
        watched_directory: { path: folder },
      },
    ],
  };
}

test('new certificates and authorities serve new connections, and old connections go on', async (t) => {
  const [server, ca, client] = [temporaryFolder(t), temporaryFolder(t), temporaryFolder(t)];
  const replaceServer = mountedSecret(server, filesOf(first));
  const replaceCa = mountedSecret(ca, { 'ca.crt': testAuthority().cert });
  const replaceClient = mountedSecret(client, filesOf(first));
  const shown: string[] = [];
  const upstream = await startUpstream(t, answer({ headers: { connection: 'close' } }), {
    tls: { cert: first.cert, key: first.key, requestCert: true, rejectUnauthorized: false },
  });
  const noting = answer({ headers: { connection: 'close' } });
  upstream.behaviour = (exchange) => {
    shown.push((exchange.socket as TLSSocket).getPeerCertificate().subject?.CN as string);
    return noting(exchange);
  };
  const validation_context = {
    trusted_ca: { filename: join(ca, 'ca.crt') },
    watched_directory: { path: ca },
  };
  const proxy = await startProxy(
    t,
    bootstrap(
      [
        httpListener({
          manager: routeConfig([routeTo('/', 'c')]),
          chain: downstreamTls({ ...watched(server), validation_context }),
        }),
      ],
      [staticCluster('c', [upstream.port], upstreamTls(watched(client)))],
    ),
    { concurrency: 2 },
  );
  const port = await proxy.listenerPort('in');
  const open = (tls: object = {}) => wireClient(port, { tls: { minVersion: 'TLSv1.3', ...tls } });
  const nameOf = (wire: Awaited<ReturnType<typeof open>>) =>
    (wire.socket as TLSSocket).getPeerCertificate().subject?.CN;
  const updates = (side: string) => proxy.stat(`${side}_ssl_socket_factory.ssl_context_update_by_sds`);

  const before = await open();
  assert.equal(nameOf(before), 'first');
  await before.send(GET);
  assert.equal((await before.response()).status, 200);

  replaceServer({ ...filesOf(second), 'tls.key': first.key });
  replaceServer(filesOf(second));
  replaceClient(filesOf(second));
  replaceCa({ 'ca.crt': otherAuthority.cert });
  await eventually('every connection has the new certificate', async () => {
    const wires = await Promise.all(Array.from({ length: 8 }, () => open()));
    const names = wires.map(nameOf);
    for (const wire of wires) wire.destroy();
    return names.every((name) => name === 'second');
  });
  await eventually('the listener was told twice', async () => (await updates('listener.127.0.0.1_0.server')) >= 2);

  await before.send(GET);
  assert.equal((await before.response()).status, 200);
  await eventually('the upstream is shown the new certificate', async () => {
    await before.send(GET);
    await before.response();
    return shown.at(-1) === 'second';
  });
  assert.equal(shown[0], 'first');
  const trusted = await open({ cert: stranger.cert, key: stranger.key });
  await trusted.send(GET);
  assert.equal((await trusted.response()).status, 200);
  assert.match((await proxy.admin.get('/certs')).body, /"path": "[^"]*tls.crt"/);
});
