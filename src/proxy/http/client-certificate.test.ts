import assert from 'node:assert/strict';
import test from 'node:test';
import type { ClientCertForwarding } from '#config/model/http-connection-manager.ts';
import { applyClientCertificate } from '#proxy/http/client-certificate.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { DownstreamTlsInfo } from '#proxy/listeners/downstream-connection.ts';
import type { CertificateInfo } from '#proxy/observe/stream-info.ts';
import { headersOf } from '#testing/stream-info.ts';

type Mode = ClientCertForwarding['details'];
type Wanted = Partial<ClientCertForwarding['told']>;

const XFCC = 'x-forwarded-client-cert';
const BEFORE = 'Hash=before';

function tlsOf(peer: Partial<CertificateInfo>, uriSans: string[] = [], presented = true): DownstreamTlsInfo {
  const none = { subject: '', uriSans: [], dnsSans: [], sha256: '', pem: '', chainPem: '' };
  return { presented, peer: { ...none, ...peer }, local: { ...none, uriSans } } as unknown as DownstreamTlsInfo;
}

const NONE = { subject: false, cert: false, chain: false, dns: false, uri: false, issuer: false };

/** @returns the header as it goes on. */
function apply(
  mode: Mode,
  tls?: DownstreamTlsInfo,
  wanted: Wanted = {},
  before: string | null = BEFORE,
  format: ClientCertForwarding['format'] = 'TEXT',
) {
  const requestHeaders = headersOf(before === null ? {} : { [XFCC]: before });
  const stream = { requestHeaders, connection: { tls } } as unknown as HttpStream;
  const told = { ...NONE, ...wanted };
  applyClientCertificate(stream, { details: mode, told, format });
  return requestHeaders.joined(XFCC);
}

const MODES: Mode[] = ['SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET'];
const client = tlsOf({ sha256: 'abc' });

test('without a client certificate nothing is believed, but where everything always is', () => {
  for (const tls of [undefined, tlsOf({}, [], false)]) {
    for (const mode of MODES) assert.equal(apply(mode, tls), undefined, mode);
    assert.equal(apply('ALWAYS_FORWARD_ONLY', tls), BEFORE);
  }
});

test('what a client with a certificate says is dropped, kept, added to or replaced, by the mode', () => {
  assert.equal(apply('SANITIZE', client), undefined);
  assert.equal(apply('FORWARD_ONLY', client), BEFORE);
  assert.equal(apply('ALWAYS_FORWARD_ONLY', client), BEFORE);
  assert.equal(apply('APPEND_FORWARD', client), `${BEFORE},Hash=abc`);
  assert.equal(apply('SANITIZE_SET', client), 'Hash=abc');
  assert.equal(apply('APPEND_FORWARD', client, {}, null), 'Hash=abc');
});

test('each name of both certificates is a pair of its own, in the order of the documentation', () => {
  const peer = {
    sha256: 'abc',
    subject: 'CN=c',
    uriSans: ['u1', 'u2'],
    dnsSans: ['d1', 'd2'],
    pem: 'a b\n',
    chainPem: '+/=',
  };
  const all = { subject: true, cert: true, chain: true, dns: true, uri: true };
  assert.equal(
    apply('SANITIZE_SET', tlsOf(peer, ['by1', 'by2']), all),
    'By=by1;By=by2;Hash=abc;Cert="a%20b%0A";Chain="%2B%2F%3D";Subject="CN=c";URI=u1;URI=u2;DNS=d1;DNS=d2',
  );
});

test('a certificate without URIs or subject has their keys all the same', () => {
  assert.equal(apply('SANITIZE_SET', client, { uri: true, subject: true, dns: true }), 'Hash=abc;Subject="";URI=');
});

test('a quote in a subject keeps the one backslash that it has, so that it cannot end the value', () => {
  const subject = 'CN=a\\"b';
  assert.equal(apply('SANITIZE_SET', tlsOf({ subject }), { subject: true }), 'Subject="CN=a\\"b"');
});

const ONE = '-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n';

test('in JSON there is an object for each hop, without what is not known', () => {
  const peer = {
    sha256: 'abc',
    subject: 'CN=c',
    issuer: 'CN=\\"i',
    uriSans: ['u1', 'u2'],
    pem: 'a\n',
    chainPem: ONE + ONE,
  };
  const all = { subject: true, cert: true, chain: true, dns: true, uri: true, issuer: true };
  const told = `{"by":["b"],"hash":"abc","cert":"a\\n","chain":${JSON.stringify([ONE, ONE])},"subject":"CN=c","uri":["u1","u2"],"issuer":"CN=\\\\\\"i"}`;
  assert.equal(apply('SANITIZE_SET', tlsOf(peer, ['b']), all, BEFORE, 'JSON'), `[${told}]`);
});

test('what was there goes on in its own form, whatever the format', () => {
  assert.equal(apply('APPEND_FORWARD', client, {}, '[{"hash":"z"}]'), '[{"hash":"z"},{"hash":"abc"}]');
  assert.equal(apply('APPEND_FORWARD', client, {}, '[]', 'JSON'), '[{"hash":"abc"}]');
  assert.equal(apply('APPEND_FORWARD', client, {}, BEFORE, 'JSON'), `${BEFORE},Hash=abc`);
  assert.equal(apply('APPEND_FORWARD', client, {}, '[{"hash"', 'JSON'), '[{"hash",Hash=abc');
  assert.equal(apply('APPEND_FORWARD', client, {}, '', 'JSON'), '[{"hash":"abc"}]');
});
