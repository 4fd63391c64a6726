import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { SubjectAltNameMatcher, ValidationContext } from '#config/model/tls.ts';
import { tlsStats } from '#proxy/observe/stats/tls-stats.ts';
import { type ExpectedName, PeerValidation } from '#proxy/tls/peer-validation.ts';
import { type Certificate, signed, testAuthority } from '#testing/certificates.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { validationOf } from '#testing/tls-settings.ts';

const ca = testAuthority();
const peer = signed('peer', ['DNS:*.peer.test', 'URI:spiffe://mesh/peer', 'IP:10.0.0.1', 'email:a@peer.test']);
const untrusted = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });

function judge(
  settings: Partial<ValidationContext> & { ca?: Certificate },
  error: NodeJS.ErrnoException | null = null,
  expected?: ExpectedName,
) {
  const scope = new PlainScope();
  const validation = new PeerValidation(validationOf(settings), tlsStats(scope));
  return { ...validation.verify(new X509Certificate(peer.cert), error, expected), scope, validation };
}

const san = (sanType: SubjectAltNameMatcher['sanType'], value: string): SubjectAltNameMatcher => ({
  sanType,
  matcher: { kind: 'exact', value, ignoreCase: false },
});

test('a chain that Node found wrong is refused and counted, unless untrusted peers are accepted', () => {
  const refused = judge({ ca }, untrusted);
  assert.equal(
    refused.problem,
    'verify cert failed: X509_verify_cert: certificate verification error at depth 0: self signed certificate',
  );
  assert.equal(refused.scope.value('fail_verify_error'), 1);
  const lenient = judge({ ca, trustChainVerification: 'ACCEPT_UNTRUSTED' }, untrusted);
  assert.deepEqual([lenient.problem, lenient.validated], ['', false]);
});

test('without trusted authorities the chain does not matter', () => {
  const { problem, validated, validation } = judge({}, untrusted);
  assert.deepEqual([problem, validated, validation.asks], ['', false, false]);
});

test('one of the names must fit, by kind', () => {
  for (const matcher of [
    san('DNS', 'a.peer.test'),
    san('URI', 'spiffe://mesh/peer'),
    san('IP_ADDRESS', '10.0.0.1'),
    san('EMAIL', 'a@peer.test'),
  ]) {
    const { problem, validated } = judge({ ca, matchSubjectAltNames: [san('DNS', 'other.test'), matcher] });
    assert.deepEqual([problem, validated], ['', true], matcher.sanType);
  }
  const { problem, scope } = judge({ ca, matchSubjectAltNames: [san('URI', 'spiffe://mesh/other')] });
  assert.match(problem, /^verify cert failed: SAN matcher, certificate SANs are \[\*\.peer\.test/);
  assert.equal(scope.value('fail_verify_san'), 1);
});

test('a pinned certificate or key is let in, others are not', () => {
  assert.equal(judge({ verifyCertificateHash: [peer.sha256] }).problem, '');
  assert.equal(judge({ verifyCertificateHash: [peer.sha256.toUpperCase().replaceAll(/..(?=.)/g, '$&:')] }).problem, '');
  assert.equal(judge({ verifyCertificateSpki: [peer.spki] }).problem, '');
  const { problem, scope } = judge({ verifyCertificateHash: ['00'.repeat(32)] });
  assert.equal(problem, 'verify cert failed: cert hash and spki');
  assert.equal(scope.value('fail_verify_cert_hash'), 1);
});

test('the name that was asked for must be in the certificate, in place of configured names or besides them', () => {
  const matchSubjectAltNames = [san('URI', 'spiffe://mesh/other')];
  assert.equal(judge({ ca, matchSubjectAltNames }, null, { name: 'a.peer.test', by: 'context' }).problem, '');
  assert.match(judge({ ca }, null, { name: 'other.test', by: 'context' }).problem, /SAN matcher/);
  assert.match(judge({ ca }, null, { name: 'other.test', by: 'request' }).problem, /expected SANs: \[other\.test\]/);
  assert.match(
    judge({ ca, matchSubjectAltNames }, null, { name: 'a.peer.test', by: 'request' }).problem,
    /SAN matcher/,
  );
});
