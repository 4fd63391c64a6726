import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { signatureOf } from '#proxy/tls/signature-name.ts';

const CASES: [key: string[], name: string][] = [
  [['rsa:2048'], 'rsa_pss_rsae_sha256'],
  [['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'], 'ecdsa_secp256r1_sha256'],
  [['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'], 'ecdsa_secp384r1_sha384'],
  [['ec', '-pkeyopt', 'ec_paramgen_curve:secp521r1'], 'ecdsa_secp521r1_sha512'],
  [['ed25519'], 'ed25519'],
  [['ed448'], ''],
];

for (const [key, name] of CASES) {
  test(`a key of the kind ${key.at(-1)} signs ${name === '' ? 'in a way that has no name here' : `with ${name}`}`, () => {
    const args = ['req', '-x509', '-nodes', '-subj', '/CN=a', '-keyout', '/dev/null', '-newkey', ...key];
    const pem = execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    assert.equal(signatureOf(new X509Certificate(pem)), name);
  });
}
