import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { HpackDecoder } from '#wire/http2/hpack-decoder.ts';
import { HpackEncoder } from '#wire/http2/hpack-encoder.ts';
import { huffmanDecode, huffmanEncode, huffmanLength } from '#wire/http2/huffman.ts';
import { OutputBuffer } from '#wire/http2/output-buffer.ts';

type Field = [name: string, value: string];

function decode(decoder: HpackDecoder, block: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  const whole = decoder.decode(block, 0, block.length, { onField: (_kind, name, value) => fields.push([name, value]) });
  return whole ? fields : undefined;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** An encoder whose blocks are taken as they are made. */
function blocks() {
  const out = new OutputBuffer();
  const encoder = new HpackEncoder(out);
  return {
    encoder,
    encode(fields: readonly Field[]): Buffer {
      encoder.begin(out.length);
      for (const [name, value] of fields) encoder.field(name, value);
      const chunk = out.take();
      return chunk === undefined ? Buffer.alloc(0) : Buffer.from(chunk.bytes.subarray(0, chunk.length));
    },
  };
}

test('the requests of RFC 7541, appendix C.4 are read, and their table is kept', () => {
  const decoder = new HpackDecoder();
  assert.deepEqual(decode(decoder, hex('8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff')), [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ]);
  assert.deepEqual(decode(decoder, hex('8286 84be 5886 a8eb 1064 9cbf')), [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ]);
  assert.deepEqual(decode(decoder, hex('8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf')), [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ]);
});

test('the responses of RFC 7541, appendix C.6, with evictions, are read', () => {
  const decoder = new HpackDecoder();
  decoder.setLimit(256);
  const first = hex(
    '3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3',
  );
  assert.deepEqual(decode(decoder, first)?.[0], [':status', '302']);
  assert.deepEqual(decode(decoder, hex('4883 640e ffc1 c0bf')), [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ]);
});

test('Huffman text comes back as it was, and bad padding or EOS in it is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).latin1Slice();
      const out = Buffer.alloc(1000);
      const length = huffmanEncode(text, out, 3);
      assert.equal(length - 3, huffmanLength(text));
      const back = Buffer.alloc(2000);
      assert.equal(back.latin1Slice(0, huffmanDecode(out, 3, length, back)), text);
    }),
  );
  const room = Buffer.alloc(100);
  assert.equal(huffmanDecode(hex('ff'), 0, 1, room), -1, 'a byte of padding');
  assert.equal(huffmanDecode(hex('1f'), 0, 1, room), 1);
  assert.equal(huffmanDecode(hex('18'), 0, 1, room), -1, 'padding of zeros');
  assert.equal(huffmanDecode(hex('fffffffc'), 0, 4, room), -1, 'EOS');
});

const fieldName = fc.constantFrom(
  'a',
  'x-one',
  'cookie',
  'date',
  'x-request-id',
  ':path',
  'content-type',
  'authorization',
);
const field = fc.tuple(
  fc.oneof(fieldName, fc.stringMatching(/^[a-z0-9-]{1,40}$/)),
  fc.oneof(
    fc.constantFrom('', '1', 'text/plain', 'x'.repeat(300)),
    fc.uint8Array({ maxLength: 90 }).map((b) => Buffer.from(b).latin1Slice()),
  ),
);

test('whatever is encoded is decoded, over many blocks and table sizes', () => {
  const block = fc.record({
    fields: fc.array(field, { maxLength: 12 }),
    size: fc.option(fc.integer({ min: 0, max: 5000 })),
  });
  fc.assert(
    fc.property(fc.array(block, { maxLength: 30 }), (sequence) => {
      const { encoder, encode } = blocks();
      const decoder = new HpackDecoder();
      decoder.setLimit(5000);
      for (const { fields, size } of sequence) {
        if (size !== null) encoder.resize(size);
        assert.deepEqual(decode(decoder, encode(fields)), fields);
      }
    }),
    { numRuns: 300 },
  );
});

test('a field that comes again is one byte, and secrets never enter a table', () => {
  const { encode } = blocks();
  encode([['x-a', 'some value']]);
  assert.equal(encode([['x-a', 'some value']]).length, 1);
  encode([['authorization', 'Bearer abcdefgh']]);
  assert.equal(encode([['authorization', 'Bearer abcdefgh']])[0] & 0xf0, 0x10);
});

test('values that never come again do not push out those that do', () => {
  const { encode } = blocks();
  for (let i = 0; i < 1000; i++)
    encode([
      ['x-stays', 'the same'],
      ['x-request-id', `number ${i} of very many`],
    ]);
  assert.equal(encode([['x-stays', 'the same']]).length, 1);
});

test('a peer that does not shrink its table as it was told is refused', () => {
  const decoder = new HpackDecoder();
  decoder.setLimit(100);
  assert.equal(decode(decoder, hex('82')), undefined);
  const obedient = new HpackDecoder();
  obedient.setLimit(100);
  assert.deepEqual(decode(obedient, hex('3f45 82')), [[':method', 'GET']]);
  assert.equal(decode(obedient, hex('3fe1 01 82')), undefined, 'more than the limit');
  assert.equal(decode(obedient, hex('82 20')), undefined, 'a size update behind a field');
});

test('what is no header block is refused, and never throws', () => {
  for (const bad of [
    '80',
    'c0',
    'ff ff ff ff ff 0f',
    '40',
    '40 05 61',
    '00 85 ff',
    '7f',
    'be',
    'ff 80 80 80 80 80 80 00',
  ])
    assert.equal(decode(new HpackDecoder(), hex(bad)), undefined, bad);
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }), (bytes) => {
      const decoder = new HpackDecoder();
      for (const block of bytes) if (decode(decoder, Buffer.from(block)) === undefined) return;
    }),
    { numRuns: fuzzRuns(3000) },
  );
});

test('blocks that were damaged are read or refused, one after the other, and no field is longer than its block can say', () => {
  const { encode } = blocks();
  const samples = [
    encode([
      [':method', 'GET'],
      [':path', '/a?b=c'],
      ['x-one', 'value'],
      ['cookie', 'a=1'],
    ]),
    encode([
      [':method', 'GET'],
      ['x-one', 'value'],
      ['x-long', 'x'.repeat(150)],
    ]),
    hex('3f45 82'),
    hex('20 3fe1 1f 40 01 61 01 62'),
  ];
  const damage = fc.record({ at: fc.nat(60), bits: fc.nat(255), cut: fc.boolean() });
  const damaged = fc.tuple(fc.constantFrom(...samples), fc.array(damage, { maxLength: 3 })).map(([sample, all]) => {
    let bytes = Buffer.from(sample);
    for (const { at, bits, cut } of all) {
      if (at >= bytes.length) continue;
      if (cut) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
      else bytes[at] ^= bits;
    }
    return bytes;
  });
  fc.assert(
    fc.property(fc.array(damaged, { minLength: 1, maxLength: 6 }), (all) => {
      const decoder = new HpackDecoder();
      for (const block of all) {
        const fields = decode(decoder, block);
        if (fields === undefined) return;
        for (const [name, value] of fields) assert.ok(name.length + value.length <= 4096);
      }
    }),
    { numRuns: fuzzRuns(2000) },
  );
});
