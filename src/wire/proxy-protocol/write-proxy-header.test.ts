import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { proxyHeaderV1, proxyHeaderV2 } from '#wire/proxy-protocol/write-proxy-header.ts';

const port = fc.integer({ min: 0, max: 65_535 });
const v4 = fc.record({ address: fc.ipV4().map((address) => `10.${address.split('.').slice(1).join('.')}`), port });
const v6 = fc.record({
  address: fc
    .array(fc.integer({ min: 1, max: 0xffff }), { minLength: 7, maxLength: 7 })
    .map((groups) => ['2001', ...groups].map((group) => group.toString(16)).join(':')),
  port,
});
const ends = fc.oneof(fc.record({ source: v4, destination: v4 }), fc.record({ source: v6, destination: v6 }));
const tlvs = fc.array(
  fc.record({
    type: fc.integer({ min: 0xe0, max: 0xef }),
    value: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 4 },
);

test('what is written is read again, in both versions', () => {
  fc.assert(
    fc.property(ends, tlvs, (both, more) => {
      const first = parseProxyHeader(proxyHeaderV1(both));
      assert.deepEqual(first.kind === 'header' && first.ends, structuredClone(both));
      const second = parseProxyHeader(proxyHeaderV2(both, more) as Buffer);
      assert.deepEqual(second.kind === 'header' && [second.ends, second.tlvs], [
        structuredClone(both),
        more.map(({ type, value }) => ({ type, value })),
      ]);
    }),
  );
});

test('a proxy that speaks for itself names no ends', () => {
  const header = parseProxyHeader(proxyHeaderV2(undefined) as Buffer);
  assert.deepEqual(header, { kind: 'header', version: 2, ends: undefined, tlvs: [], length: 16 });
});

test('TLVs that have no room make no header', () => {
  const value = Buffer.alloc(40_000);
  const one = { source: { address: '::1', port: 1 }, destination: { address: '10.0.0.1', port: 2 } };
  assert.equal(
    proxyHeaderV2(one, [
      { type: 1, value },
      { type: 2, value },
    ]),
    undefined,
  );
  assert.match(proxyHeaderV2(one)?.toString('hex') ?? '', /00000000000000000000ffff0a000001/);
});
