import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { Snapshot } from '#config/model/snapshot.ts';
import type { UpstreamTransport } from '#config/model/tls.ts';
import { CertificateExpiry } from '#proxy/certificate-expiry.ts';
import { SecretStore } from '#proxy/secret-store.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { shownCertificate, upstreamTlsOf, validationOf } from '#testing/tls-settings.ts';

const DAY = 86_400_000;
const soon = signed('soon', undefined, { days: 10 });

function snapshot(transport: UpstreamTransport): Snapshot {
  return { listeners: [], clusters: [{ statName: 'c', transport, transportSocketMatches: [] }] } as unknown as Snapshot;
}

test('each certificate has a gauge of its own, and the first that runs out counts', () => {
  const scope = new PlainScope();
  const certificates = [{ ...shownCertificate(soon), secretName: 'named' }];
  const tls = upstreamTlsOf({ certificates, validation: validationOf({ ca: testAuthority() }) });
  const expiry = new CertificateExpiry(() => snapshot({ kind: 'tls', tls }), scope, new SecretStore());
  const end = (pem: string) => new X509Certificate(pem).validToDate.getTime();
  const gauge = (name: string) => scope.value(`cluster.c.ssl.certificate.${name}.expiration_unix_time_seconds`);
  assert.equal(gauge('named'), end(soon.cert) / 1000);
  assert.equal(gauge('unnamed_ca_cert_e3b0c442'), end(testAuthority().cert) / 1000);
  assert.equal(expiry.daysUntilFirst(end(soon.cert) - 3 * DAY - 1), 3);
  assert.equal(expiry.daysUntilFirst(end(soon.cert) + DAY), 0);
});

test('without certificates there is no first one', () => {
  const expiry = new CertificateExpiry(() => snapshot({ kind: 'raw_buffer' }), new PlainScope(), new SecretStore());
  assert.equal(expiry.daysUntilFirst(0), undefined);
});
