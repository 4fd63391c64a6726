import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ProxyHeader, parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { replaceInvalidUtf8 } from '#wire/proxy-protocol/replace-invalid-utf8.ts';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
const INVALID_V1 = { kind: 'invalid', version: 1 };
const INVALID_V2 = { kind: 'invalid', version: 2 };

const line = (text: string) => parseProxyHeader(Buffer.from(text, 'latin1'));

function binary(command: number, family: number, ...parts: Uint8Array[]): Buffer {
  const rest = Buffer.concat(parts);
  return Buffer.concat([SIGNATURE, Buffer.of(0x20 | command, family, rest.length >> 8, rest.length & 255), rest]);
}

function tlv(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, value.length >> 8, value.length & 255), value]);
}

const FOUR = Buffer.of(1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 2, 0);

test('a line of version 1 says both ends', () => {
  assert.deepEqual(line('PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\nGET'), {
    kind: 'header',
    version: 1,
    ends: { source: { address: '1.2.3.4', port: 111 }, destination: { address: '5.6.7.8', port: 222 } },
    tlvs: [],
    length: 36,
  });
  const six = line('PROXY TCP6 1:0::2 ::ffff:1.2.3.4 1 2\r\n') as ProxyHeader;
  assert.deepEqual(six.ends?.source, { address: '1::2', port: 1 });
  assert.deepEqual(six.ends?.destination, { address: '::ffff:1.2.3.4', port: 2 });
});

test('UNKNOWN and LOCAL leave the ends as they are', () => {
  assert.equal((line('PROXY UNKNOWN whatever\r\n') as ProxyHeader).ends, undefined);
  const local = parseProxyHeader(binary(0, 0, tlv(2, Buffer.from('a')))) as ProxyHeader;
  assert.deepEqual([local.ends, local.tlvs, local.length], [undefined, [], 20]);
});

test('what begins as a header and is none is invalid', () => {
  for (const text of [
    'PROXY \r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n',
    'PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n',
    'PROXY TCP6 ::1 ff02::1 1 2\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n',
    'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    `PROXY UNKNOWN ${'x'.repeat(93)}\r\n`,
  ])
    assert.deepEqual(line(text), INVALID_V1, JSON.stringify(text));
  for (const bytes of [
    binary(1, 0x10, FOUR),
    binary(1, 0x00),
    binary(1, 0x31, Buffer.alloc(216, 'a')),
    binary(2, 0x11, FOUR),
    binary(1, 0x11, FOUR.subarray(0, 8)),
    binary(1, 0x11, Buffer.alloc(12)),
    binary(1, 0x11, FOUR, Buffer.of(2, 0, 5, 1)),
    binary(1, 0x11, FOUR, Buffer.of(2)),
  ])
    assert.deepEqual(parseProxyHeader(bytes), INVALID_V2, bytes.toString('hex'));
});

test('what cannot become a header is told from one that lacks bytes', () => {
  for (const text of ['GET / HTTP/1.1\r\n', 'PROXY\r\nGET / HTTP/1.1', 'x'.repeat(16)])
    assert.equal(line(text).kind, 'absent');
  for (const text of ['', 'P', 'PROXY TCP4', '\r\n', 'x'.repeat(15)]) assert.equal(line(text).kind, 'incomplete');
});

const port = fc.integer({ min: 0, max: 65_535 });
const address = fc.ipV4().filter((text) => !/^(0\.0\.0\.0|255\.255\.255\.255|22[4-9]\..*|23.\..*)$/.test(text));
const tlvs = fc.array(fc.record({ type: fc.integer({ min: 0, max: 255 }), value: fc.uint8Array({ maxLength: 300 }) }), {
  maxLength: 5,
});

test('what is written is read, however it is cut', () => {
  fc.assert(
    fc.property(address, address, port, port, tlvs, fc.uint8Array(), (from, to, fromPort, toPort, given, after) => {
      const ends = { source: { address: from, port: fromPort }, destination: { address: to, port: toPort } };
      const ip = [from, to].map((text) => Buffer.from(text.split('.').map(Number)));
      const ports = Buffer.of(fromPort >> 8, fromPort & 255, toPort >> 8, toPort & 255);
      const two = binary(1, 0x11, ...ip, ports, ...given.map(({ type, value }) => tlv(type, value)));
      const one = Buffer.from(`PROXY TCP4 ${from} ${to} ${fromPort} ${toPort}\r\n`);
      for (const header of [one, two]) {
        const found = parseProxyHeader(Buffer.concat([header, after])) as ProxyHeader;
        assert.deepEqual([found.ends, found.length], [ends, header.length]);
        for (let cut = 0; cut < header.length; cut += 7)
          assert.equal(parseProxyHeader(header.subarray(0, cut)).kind, 'incomplete');
      }
      const read = (parseProxyHeader(two) as ProxyHeader).tlvs;
      assert.deepEqual(
        read,
        given.map(({ type, value }) => ({ type, value: Buffer.from(value) })),
      );
    }),
    { numRuns: 50 },
  );
});

test('nothing that comes breaks it, and a header that was read stays', () => {
  const noise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  const begins = fc.constantFrom(SIGNATURE, Buffer.from('PROXY TCP4 '), Buffer.from('PROXY UNKNOWN'), Buffer.alloc(0));
  fc.assert(
    fc.property(begins, noise, (begin, rest) => {
      const bytes = Buffer.concat([begin, rest]);
      const verdict = parseProxyHeader(bytes);
      if (verdict.kind !== 'header') return;
      assert.deepEqual(parseProxyHeader(Buffer.concat([bytes, Buffer.from('\r\nmore')])), verdict);
    }),
  );
});

test('bytes that are no UTF-8 are replaced one by one', () => {
  assert.equal(replaceInvalidUtf8(Buffer.from('aÿb', 'latin1')), 'a!b');
  assert.equal(replaceInvalidUtf8(Buffer.from([0xe2, 0x82, 0x61, 0xc3, 0xa9, 0xf0])), '!!aé!');
});
