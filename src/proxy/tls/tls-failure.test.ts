import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tlsFailure, verifyFailureReason } from '#proxy/tls/tls-failure.ts';

const failure = (code: string, answersHello = false) =>
  tlsFailure(Object.assign(new Error('x'), { code }), answersHello);

test("errors of OpenSSL are told with BoringSSL's numbers and names", () => {
  assert.deepEqual(failure('ERR_SSL_HTTP_REQUEST'), {
    reason: 'TLS_error:|268435612:SSL routines:OPENSSL_internal:HTTP_REQUEST:TLS_error_end',
    counted: 'connectionError',
  });
  assert.match(failure('ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE').reason, /\|268436498:.*:SSLV3_ALERT_BAD_CERTIFICATE:/);
  assert.match(failure('ERR_SSL_VERSION_TOO_LOW').reason, /:UNSUPPORTED_PROTOCOL:/);
});

test('a client without the certificate that is required has a counter of its own', () => {
  assert.equal(failure('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE').counted, 'failVerifyNoCert');
});

test('the end of a connection is no error of TLS', () => {
  const none = { reason: '', counted: undefined };
  assert.deepEqual(failure('ECONNRESET'), none);
  assert.deepEqual(failure('ERR_SSL_UNEXPECTED_EOF_WHILE_READING'), none);
});

test('a server that refuses the hello is told twice, as by BoringSSL', () => {
  const code = 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE';
  assert.match(failure(code, true).reason, /HANDSHAKE_FAILURE\|268435610:.*HANDSHAKE_FAILURE_ON_CLIENT_HELLO:TLS/);
  assert.doesNotMatch(failure(code).reason, /ON_CLIENT_HELLO/);
});

test('a refused certificate is told with what was wrong', () => {
  assert.equal(
    verifyFailureReason('verify cert failed: cert hash and spki'),
    'TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:verify cert failed: cert hash and spki:TLS_error_end',
  );
});
