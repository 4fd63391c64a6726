import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { selectable, selectCertificate } from '#proxy/tls/certificate-selection.ts';
import { signed } from '#testing/certificates.ts';

const of = (name: string, names: string[], rsa = false) =>
  selectable(new X509Certificate(signed(name, names, { rsa }).cert));
const first = of('first.test', ['DNS:first.test']);
const both = of('both.test', ['DNS:both.test', 'DNS:*.wild.test']);
const bothRsa = of('both.test', ['DNS:both.test'], true);
const all = [first, bothRsa, both];
const MODERN = ['prime256v1'];

const choose = (serverName: string, ecdsaCurves: string[] = MODERN, fullScan = false, among = all) =>
  selectCertificate(among, { serverName, ecdsaCurves }, fullScan);

test('a name gets its certificate, exactly before by wildcard, and ECDSA before RSA', () => {
  assert.equal(choose('both.test'), 2);
  assert.equal(choose('a.wild.test'), 2);
  assert.equal(choose('first.test'), 0);
});

test('a client that checks no ECDSA gets RSA', () => {
  assert.equal(choose('both.test', []), 1);
});

test('a wildcard stands for one label', () => {
  assert.equal(choose('a.b.wild.test'), 0);
  assert.equal(choose('wild.test'), 0);
});

test('an unknown name gets the first certificate, or with a full scan the first that suits', () => {
  assert.equal(choose('unknown.test', []), 0);
  assert.equal(choose('unknown.test', [], true), 1);
});

test('a client that names nobody gets the first that suits', () => {
  assert.equal(choose(''), 0);
  assert.equal(choose('', []), 1);
});

test('a certificate that the OCSP policy forbids is passed over', () => {
  assert.equal(choose('both.test', MODERN, false, [first, bothRsa, { ...both, usable: false }]), 1);
});

test('without alternative names the common name counts', () => {
  assert.deepEqual(of('common.test', []).names, ['common.test']);
});
