import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { HeldHead } from '#wire/http1/held-head.ts';

const bytes = fc
  .array(fc.constantFrom('\r', '\n', 'a', '\r\n', '\r\n\r\n'), { maxLength: 12 })
  .map((parts) => Buffer.from(parts.join('')));

test('what is held is what came, in any pieces', () => {
  const property = fc.property(fc.array(fc.uint8Array({ maxLength: 900 }), { maxLength: 6 }), (pieces) => {
    const held = new HeldHead();
    let length = 0;
    for (const piece of pieces) {
      const from = Buffer.concat([Buffer.from('xy'), piece, Buffer.from('z')]);
      assert.equal(held.append(from, 2, from.length - 1), length);
      length += piece.length;
    }
    assert.equal(held.length, length);
    assert.deepEqual(held.bytes.subarray(0, length), Buffer.concat(pieces));
    held.clear();
    assert.equal(held.length, 0);
  });
  fc.assert(property);
});

test('an empty line, or a bare LF, is seen with the piece that completes it, and not before', () => {
  const property = fc.property(bytes, (all) => {
    const held = new HeldHead();
    const text = all.toString();
    for (let i = 0; i < all.length; i++) {
      const seen = held.mayBeWhole(held.append(all, i, i + 1));
      const upTo = text.slice(0, i + 1);
      assert.equal(seen, /(^|[^\r])\n$/.test(upTo) || /.\n\r\n$/s.test(upTo), JSON.stringify(upTo));
    }
    const whole = new HeldHead();
    assert.equal(whole.mayBeWhole(whole.append(all, 0, all.length)), /(^|[^\r])\n|.\n\r\n/s.test(text));
  });
  fc.assert(property, { numRuns: 500 });
});
