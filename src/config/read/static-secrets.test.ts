import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorsOf } from '#testing/load-config.ts';

const secrets = (...list: unknown[]) => ({ static_resources: { secrets: list } });

test('secrets of different kinds may share a name', () => {
  assert.deepEqual(errorsOf(secrets({ name: 'a', tls_certificate: {} }, { name: 'a', validation_context: {} })), []);
});

const REFUSED: [what: string, list: unknown[], error: string][] = [
  [
    'two certificates of one name',
    [
      { name: 'a', tls_certificate: {} },
      { name: 'a', tls_certificate: {} },
    ],
    'static_resources.secrets[1].name: Duplicate static TlsCertificate secret name a',
  ],
  [
    'two validation contexts of one name',
    [
      { name: 'a', validation_context: {} },
      { name: 'a', validation_context: {} },
    ],
    'static_resources.secrets[1].name: Duplicate static CertificateValidationContext secret name a',
  ],
  ['a secret of no kind', [{ name: 'a' }], 'static_resources.secrets[0]: Secret type not implemented'],
];
for (const [what, list, error] of REFUSED) {
  test(`refused: ${what}`, () => assert.deepEqual(errorsOf(secrets(...list)), [error]));
}
