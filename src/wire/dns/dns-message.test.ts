import assert from 'node:assert/strict';
import test from 'node:test';
import { decode, encode } from 'dns-packet';
import * as fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { type DnsQuestion, encodeDnsAnswer, encodeDnsRefusal, Rcode, readDnsQuestion } from '#wire/dns/dns-message.ts';

const RUNS = fuzzRuns(3000);
const ask = (name: string, type: 'A' | 'AAAA' = 'A') =>
  encode({ id: 7, type: 'query', flags: 0x0100, questions: [{ type, name }] });

test('any bytes are a question or refused, and a refusal is a header with their id', () => {
  const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  const nearly = fc.tuple(fc.nat(40), fc.nat(255), fc.nat(45)).map(([at, byte, cut]) => {
    const bytes = Buffer.from(ask('www.example.test'));
    if (at < bytes.length) bytes[at] = byte;
    return bytes.subarray(0, cut);
  });
  fc.assert(
    fc.property(fc.oneof(noise, nearly), (bytes) => {
      const read = readDnsQuestion(bytes);
      if (!('failure' in read)) return assert.ok(read.name.length > 0 && read.name.length < 256);
      const refusal = encodeDnsRefusal(read, true);
      assert.equal(refusal.length, 12);
      if (bytes.length >= 2) assert.equal(refusal.readUInt16BE(0), bytes.readUInt16BE(0));
    }),
    { numRuns: RUNS },
  );
});

test('an answer is one that others read', () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), fc.nat(8), (labels, count) => {
      const name = labels.join('.');
      const records = Array.from({ length: count }, (_, i) => ({ ttl: 60 + i, data: Buffer.from([10, 0, 0, i]) }));
      const answer = decode(encodeDnsAnswer(readDnsQuestion(ask(name)) as DnsQuestion, Rcode.NoError, records, false));
      assert.equal(answer.questions?.[0].name, name);
      const found = answer.answers?.map((one) => ('data' in one && 'ttl' in one ? [one.name, one.ttl, one.data] : []));
      assert.deepEqual(
        found,
        records.map(({ ttl }, i) => [name, ttl, `10.0.0.${i}`]),
      );
    }),
    { numRuns: 300 },
  );
});

test('a name that points, or is too long, is refused', () => {
  const pointing = Buffer.from(ask('www.example.test'));
  pointing[12] = 0xc0;
  assert.ok('failure' in readDnsQuestion(pointing));
  const long = Buffer.concat([
    ask('a').subarray(0, 12),
    Buffer.from(`${'\x3f'}${'a'.repeat(63)}`.repeat(5)),
    Buffer.alloc(5),
  ]);
  assert.ok('failure' in readDnsQuestion(long));
});
