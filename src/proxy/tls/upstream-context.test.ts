import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { UpstreamTls } from '#config/model/tls.ts';
import { UpstreamTlsContext, type UpstreamTlsRequest } from '#proxy/tls/upstream-context.ts';
import { certificate, signed, testAuthority } from '#testing/certificates.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { shownCertificate, upstreamTlsOf, validationOf } from '#testing/tls-settings.ts';

const server = signed('server.test', ['DNS:server.test', 'DNS:*.wild.test']);
const client = signed('client');
const stranger = certificate({ commonName: 'stranger', names: ['DNS:server.test'] });
const trusting = validationOf({ ca: testAuthority() });
const NO_REQUEST: UpstreamTlsRequest = { serverName: '', hostname: '', verifiesServerName: false, alpn: ['http/1.1'] };

/** A host that answers each connection with what it saw of the client. */
async function host(t: TestContext, options: TlsOptions = {}): Promise<number> {
  const listening = createServer(
    { cert: server.cert, key: server.key, requestCert: true, rejectUnauthorized: false, ...options },
    (socket) => {
      const { servername, alpnProtocol } = socket as TLSSocket & { servername: string | false };
      const shown = socket.getPeerCertificate().subject?.CN;
      socket.on('error', () => {});
      socket.end([socket.getProtocol(), servername, alpnProtocol, shown, socket.isSessionReused()].join(' '));
    },
  ).listen(0, '127.0.0.1');
  listening.on('tlsClientError', () => {});
  t.after(() => void listening.close());
  await once(listening, 'listening');
  return (listening.address() as AddressInfo).port;
}

function contextOf(settings: Partial<UpstreamTls>): { context: UpstreamTlsContext; scope: PlainScope } {
  const scope = new PlainScope();
  return { context: new UpstreamTlsContext(upstreamTlsOf(settings), scope), scope };
}

/** @returns what the host said, or why the handshake failed */
async function speak(context: UpstreamTlsContext, port: number, request = NO_REQUEST): Promise<string> {
  let heard = '';
  let failure = '';
  const onread = {
    buffer: Buffer.alloc(1000),
    callback: (count: number, bytes: Uint8Array) => {
      heard += Buffer.from(bytes.subarray(0, count)).toString();
      return true;
    },
  };
  const socket = context.open({ host: '127.0.0.1', port }, request, onread, {
    onSecure: () => {},
    onFailure: (reason) => {
      failure = reason;
    },
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return failure === '' ? heard : failure;
}

test('without a validation context any certificate is taken', async (t) => {
  const port = await host(t, { cert: stranger.cert, key: stranger.key, ALPNProtocols: ['http/1.1'] });
  const { context, scope } = contextOf({});
  assert.equal(await speak(context, port), 'TLSv1.2 false http/1.1  false');
  assert.equal(scope.value('ssl.handshake'), 1);
  assert.equal(scope.value('ssl.versions.TLSv1.2'), 1);
});

test('a certificate that no trusted authority signed is refused, in words of Envoy', async (t) => {
  const port = await host(t, { cert: stranger.cert, key: stranger.key });
  const { context, scope } = contextOf({ validation: trusting });
  assert.equal(
    await speak(context, port),
    'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: X509_verify_cert: certificate verification error at depth 0: self signed certificate:TLS_error_end',
  );
  assert.equal(scope.value('ssl.fail_verify_error'), 1);
  assert.equal(scope.value('ssl.handshake'), 0);
});

test('what the configuration says is shown: name, protocols, certificate, version', async (t) => {
  const port = await host(t, { ALPNProtocols: ['x-test'] });
  const { context } = contextOf({
    validation: trusting,
    certificates: [shownCertificate(client)],
    sni: 'server.test',
    alpnProtocols: ['x-test'],
    maxVersion: 'TLSv1.3',
  });
  assert.equal(await speak(context, port), 'TLSv1.3 server.test x-test client false');
});

test("the server name is the request's, else the host's where asked for, else the configured one", async (t) => {
  const port = await host(t);
  const named = async (settings: Partial<UpstreamTls>, request: Partial<UpstreamTlsRequest>) =>
    (await speak(contextOf(settings).context, port, { ...NO_REQUEST, ...request })).split(' ')[1];
  const both = { sni: 'configured', autoHostSni: true };
  assert.equal(await named(both, { serverName: 'asked', hostname: 'host' }), 'asked');
  assert.equal(await named(both, { hostname: 'host' }), 'host');
  assert.equal(await named(both, {}), 'configured');
  assert.equal(await named({ sni: 'configured' }, { hostname: 'host' }), 'configured');
  assert.equal(await named({ sni: '127.0.0.1' }, {}), '127.0.0.1');
});

test('the certificate must be for the server name where that is asked for', async (t) => {
  const port = await host(t);
  const strict = { validation: trusting, autoSniSanValidation: true };
  assert.match(await speak(contextOf({ ...strict, sni: 'a.wild.test' }).context, port), /a\.wild\.test/);
  assert.match(await speak(contextOf({ ...strict, sni: 'other.test' }).context, port), /CERTIFICATE_VERIFY_FAILED/);
  const request = { ...NO_REQUEST, serverName: 'other.test', verifiesServerName: true };
  assert.match(await speak(contextOf({ validation: trusting }).context, port, request), /CERTIFICATE_VERIFY_FAILED/);
});

test('sessions are taken up again, unless none are kept', async (t) => {
  const port = await host(t);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { context, scope } = contextOf({ maxVersion });
    const first = await speak(context, port);
    const second = await speak(context, port);
    assert.deepEqual([first.endsWith('false'), second.endsWith('true')], [true, true], `${first}, ${second}`);
    assert.equal(scope.value('ssl.session_reused'), 1);
    const without = contextOf({ maxVersion, maxSessionKeys: 0 }).context;
    await speak(without, port);
    assert.match(await speak(without, port), /false$/);
  }
});

test('no version in common is told as Envoy tells it, and counted', async (t) => {
  const port = await host(t, { minVersion: 'TLSv1.3' });
  const { context, scope } = contextOf({});
  assert.equal(
    await speak(context, port),
    'TLS_error:|268436526:SSL routines:OPENSSL_internal:TLSV1_ALERT_PROTOCOL_VERSION:TLS_error_end',
  );
  assert.equal(scope.value('ssl.connection_error'), 1);
});
