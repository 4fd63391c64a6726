import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DER, DER_CONTEXT_0 } from '#base/der.ts';
import { stapleProblem } from '#config/read/ocsp-staple.ts';

const RESPONDER = 0xa2;
const OID = 0x06;

function der(tag: number, ...content: (readonly number[])[]): number[] {
  const bytes = content.flat();
  return bytes.length < 0x80
    ? [tag, bytes.length, ...bytes]
    : [tag, 0x82, bytes.length >> 8, bytes.length & 255, ...bytes];
}

function answer(serial: number[]): number[] {
  const hash = der(DER.octetString, [1, 2, 3]);
  const id = der(DER.sequence, der(DER.sequence, der(OID, [1])), hash, hash, der(DER.integer, serial));
  return der(DER.sequence, id, der(0x80), der(DER.generalizedTime, [...Buffer.from('20260101000000Z')]));
}

function response(...answers: number[][]): Uint8Array {
  const produced = der(DER.generalizedTime, [...Buffer.from('20260101000000Z')]);
  const data = der(DER.sequence, der(RESPONDER), produced, der(DER.sequence, ...answers));
  const basic = der(DER.sequence, data, der(DER.sequence), der(0x03, [0]));
  const bytes = der(DER.sequence, der(OID, [0x2b]), der(DER.octetString, basic));
  return Uint8Array.from(der(DER.sequence, der(DER.enumerated, [0]), der(DER_CONTEXT_0, bytes)));
}

test('a response for the certificate alone is good', () => {
  assert.equal(stapleProblem(response(answer([0x00, 0x8a, 0xbc])), '8abc'), '');
});

test('a response for another certificate, or for two, is refused in the words of Envoy', () => {
  const one = answer([0x12]);
  assert.equal(stapleProblem(response(one), '13'), 'OCSP response does not match its TLS certificate');
  assert.equal(stapleProblem(response(one, one), '12'), 'OCSP Response must be for one certificate only');
});

test('bytes that are no response are refused in the words of Envoy', () => {
  const words = (...bytes: number[]) => stapleProblem(Uint8Array.from(bytes), '12');
  const status = (value: number) => words(...der(DER.sequence, der(DER.enumerated, [value])));
  assert.equal(words(...Buffer.from('hello world')), 'Data contained more than a single OCSP response');
  assert.equal(words(...response(answer([0x12])), 0), 'Data contained more than a single OCSP response');
  assert.equal(words(...der(DER.sequence)), 'OCSP ResponseStatus is not a well-formed ASN.1 ENUMERATED');
  assert.equal(status(9), 'Unknown OCSP Response Status variant: 9');
  assert.equal(status(3), 'OCSP response was unsuccessful');
  assert.equal(status(0), 'OCSP response has no body');
  const empty = der(DER.sequence, der(DER.enumerated, [0]), der(DER_CONTEXT_0));
  assert.equal(words(...empty), 'OCSP ResponseBytes is not a well-formed SEQUENCE');
});
