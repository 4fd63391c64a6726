import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { SecretValue, UpstreamTls } from '#config/model/tls.ts';
import { tlsSocketFactoryStats } from '#proxy/observe/stats/tls-stats.ts';
import { LiveContext } from '#proxy/tls/live-context.ts';
import { LiveUpstreamTls } from '#proxy/tls/live-upstream-tls.ts';
import { WorkerSecrets } from '#proxy/tls/worker-secrets.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { shownCertificate, upstreamTlsOf, validationOf } from '#testing/tls-settings.ts';

const [first, second] = [signed('first'), signed('second')].map(shownCertificate);
const certificate = (one: typeof first): SecretValue => ({ kind: 'tlsCertificate', certificate: one });
const named = upstreamTlsOf({ secrets: { certificates: [{ key: 'c' }] } });

function live(tls: UpstreamTls, secrets: WorkerSecrets, counts = true) {
  const scope = new PlainScope();
  const made: UpstreamTls[] = [];
  const context = new LiveContext(tls, { secrets, stats: tlsSocketFactoryStats(scope), counts }, (filled) => {
    if (filled.certificates[0]?.password === 'bad') throw new Error('bad');
    made.push(filled);
    return made.length;
  });
  return { context, made, updates: () => scope.value('ssl_context_update_by_sds') };
}

test('a context is there once its secret is, and is made anew when it changes', () => {
  const secrets = new WorkerSecrets();
  const { context, made, updates } = live(named, secrets);
  assert.equal(context.current, undefined);
  secrets.update('other', certificate(first));
  assert.equal(updates(), 0);
  secrets.update('c', certificate(first));
  assert.deepEqual([context.current, made[0].certificates], [1, [first]]);
  secrets.update('c', certificate({ ...second, password: 'bad' }));
  assert.deepEqual([context.current, updates()], [1, 1]);
  secrets.update('c', certificate(second));
  assert.deepEqual([context.current, made[1].certificates, updates()], [2, [second], 2]);
  context.close();
  secrets.update('c', certificate(first));
  assert.equal(context.current, 2);
});

test('one worker counts for all', () => {
  const secrets = new WorkerSecrets({ c: certificate(first) });
  const { updates } = live(named, secrets, false);
  secrets.update('c', certificate(second));
  assert.equal(updates(), 0);
});

test('what a secret asks of peers goes over the default beside it', () => {
  const under = validationOf({ verifyCertificateHash: ['aa'], allowExpiredCertificate: true });
  const secrets = new WorkerSecrets();
  const { context, made } = live(upstreamTlsOf({ secrets: { validation: { key: 'v', under } } }), secrets);
  assert.equal(context.current, undefined);
  secrets.update('v', { kind: 'validationContext', validation: validationOf({ ca: testAuthority() }) });
  const { validation } = made[0];
  assert.deepEqual([validation?.trustedCa?.pem, validation?.verifyCertificateHash], [testAuthority().cert, ['aa']]);
  assert.equal(validation?.allowExpiredCertificate, true);
});

test('a connection to an upstream fails while the secret is not there', async () => {
  const scope = new PlainScope();
  const stats = tlsSocketFactoryStats(scope);
  const tls = new LiveUpstreamTls(named, scope, { secrets: new WorkerSecrets(), stats, counts: true });
  let failure = '';
  const request = { serverName: '', hostname: '', verifiesServerName: false, alpn: [] };
  const onread = { buffer: Buffer.alloc(1), callback: () => true };
  const socket = tls.open({ host: '127.0.0.1', port: 1 }, request, onread, {
    onSecure: () => {},
    onFailure: (reason) => {
      failure = reason;
    },
  });
  await once(socket, 'close');
  assert.equal(failure, 'TLS error: Secret is not supplied by SDS');
  assert.equal(scope.value('upstream_context_secrets_not_ready'), 1);
});
