import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cipherGroups, cipherString, offersEcdsa } from '#proxy/tls/cipher-suites.ts';

const TLS13 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
const AES = 0xc02f;
const CHACHA = 0xcca8;
const groups = cipherGroups([
  '[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]',
  'ECDHE-RSA-AES256-GCM-SHA384',
]);

test('among suites of equal rank the order of the client counts', () => {
  assert.equal(
    cipherString(groups, [CHACHA, AES]),
    `${TLS13}:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384`,
  );
  assert.equal(
    cipherString(groups, [AES, CHACHA]),
    `${TLS13}:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384`,
  );
});

test('suites of different rank keep our order, whatever the client prefers', () => {
  assert.ok(cipherString(groups, [0xc030, AES]).endsWith('ECDHE-RSA-AES256-GCM-SHA384'));
});

test('a client offers ECDSA where one of the suites that we have signs with it', () => {
  const ecdsa = cipherGroups(['ECDHE-ECDSA-AES128-GCM-SHA256']);
  assert.equal(offersEcdsa(ecdsa, [0xc02b]), true);
  assert.equal(offersEcdsa(ecdsa, [0xc02c]), false);
  assert.equal(offersEcdsa(groups, [0xc02b]), false);
});
