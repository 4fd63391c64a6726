import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRevocationLists, revocationProblem } from '#proxy/tls/revocation-list.ts';
import { type Certificate, certificate, revocationList, signed, testAuthority } from '#testing/certificates.ts';

const x509 = ({ cert }: Certificate) => new X509Certificate(cert);
const ca = testAuthority();
const [good, bad] = [signed('good'), signed('bad')];
const verdict = (pem: string, one: Certificate, issuer = ca) =>
  revocationProblem(x509(one), x509(issuer), parseRevocationLists(pem), Date.now());

test('a list of the issuer says who is revoked', () => {
  const list = revocationList(ca, [bad]);
  assert.equal(verdict(list, good), '');
  assert.equal(verdict(list, bad), 'certificate revoked');
});

test('a list that is overdue, of another issuer or signed by another is worth nothing', () => {
  const other = certificate({ commonName: 'Other authority', isAuthority: true });
  const namesake = certificate({ commonName: 'Fairlead test authority', isAuthority: true, days: 31 });
  assert.equal(verdict(revocationList(ca, [], -2), good), 'CRL has expired');
  assert.equal(verdict(revocationList(other, []), good), 'unable to get certificate CRL');
  assert.equal(verdict(revocationList(namesake, []), good), 'CRL signature failure');
});

test('bytes that are no list are passed over, whatever they are', () => {
  const whole = Buffer.from(revocationList(ca, [bad]).replaceAll(/-----[^-]*-----|\n/g, ''), 'base64');
  const pem = (bytes: Uint8Array) =>
    `-----BEGIN X509 CRL-----\n${Buffer.from(bytes).toString('base64')}\n-----END X509 CRL-----\n`;
  const damaged = fc.tuple(fc.nat(whole.length - 1), fc.nat(255)).map(([at, byte]) => {
    const copy = Buffer.from(whole);
    copy[at] = byte;
    return copy.subarray(0, 1 + ((at * 7) % copy.length));
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), (bytes) => {
      const problem = verdict(pem(bytes), bad);
      assert.notEqual(problem, '');
    }),
    { numRuns: 500 },
  );
});
