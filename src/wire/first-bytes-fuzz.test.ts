/**
 * Whatever comes first on a connection, damaged: client hellos, headers of the PROXY protocol, request lines. Nothing throws, and no verdict
 * reads beyond the bytes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '#testing/fuzz-runs.ts';
import { inspectProtocol } from '#wire/http1/inspect-protocol.ts';
import { parseProxyHeader } from '#wire/proxy-protocol/parse-proxy-header.ts';
import { parseClientHello } from '#wire/tls/client-hello.ts';
import { ja3, ja4 } from '#wire/tls/fingerprints.ts';

const RUNS = fuzzRuns(2000);

/** `content` behind its length of so many bytes, in hexadecimal. */
function counted(size: number, content: string): string {
  return (content.length / 2).toString(16).padStart(2 * size, '0') + content;
}

/** A hello with a name, protocols, groups, signature algorithms, versions, a key share, and what clients put in to be ignored. */
const EXTENSIONS = [
  ['0000', counted(2, `00${counted(2, Buffer.from('localhost').toString('hex'))}`)],
  ['0010', counted(2, counted(1, '6832') + counted(1, Buffer.from('http/1.1').toString('hex')))],
  ['000a', counted(2, '001d0017')],
  ['000d', counted(2, '04030804')],
  ['002b', counted(1, '03040303')],
  ['0033', counted(2, `0a0a${counted(2, '00')}`)],
  ['000b', counted(1, '00')],
  ['2a2a', ''],
].map(([type, content]) => type + counted(2, content));
const BODY = `0303${'11'.repeat(32)}00${counted(2, '13011302')}${counted(1, '00')}${counted(2, EXTENSIONS.join(''))}`;
const HELLO = Buffer.from(`160301${counted(2, `01${counted(3, BODY)}`)}`, 'hex');
const SAMPLES = {
  hello: [HELLO],
  proxy: [
    Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 111 222\r\n'),
    Buffer.from('PROXY TCP6 1::2 3::4 111 222\r\n'),
    Buffer.from('0d0a0d0a000d0a515549540a2111001401020304050607080100020002000568656c6c6f', 'hex'),
    Buffer.from(`0d0a0d0a000d0a515549540a21210024${'20'.repeat(32)}00010002`, 'hex'),
  ],
  http: [Buffer.from('GET /a HTTP/1.1\r\n'), Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
};

/** One thing that goes wrong: a byte changes, goes, or comes; or everything after it is cut, or comes again. */
const damage = fc.record({
  kind: fc.constantFrom('set', 'remove', 'insert', 'cut', 'repeat'),
  at: fc.nat(400),
  byte: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 10, 13, 32, 255)),
});

function damaged(samples: readonly Buffer[]) {
  return fc.tuple(fc.constantFrom(...samples), fc.array(damage, { maxLength: 4 })).map(([sample, all]) => {
    let bytes = Buffer.from(sample);
    for (const { kind, at, byte } of all) {
      const place = at % (bytes.length + 1);
      const [before, after] = [bytes.subarray(0, place), bytes.subarray(place)];
      if (kind === 'set' && place < bytes.length) bytes[place] = byte;
      else if (kind === 'remove') bytes = Buffer.concat([before, after.subarray(1)]);
      else if (kind === 'insert') bytes = Buffer.concat([before, Buffer.of(byte), after]);
      else if (kind === 'cut') bytes = Buffer.from(before);
      else if (kind === 'repeat') bytes = Buffer.concat([bytes, after]);
    }
    return bytes;
  });
}

test('what is damaged is good before', () => {
  const hello = parseClientHello(HELLO);
  assert.equal(hello.kind === 'hello' ? ja4(hello) : hello.kind, 't13d0207h2_62ed6f6ca7ad_078775ef5e04');
  for (const sample of SAMPLES.proxy) assert.equal(parseProxyHeader(sample).kind, 'header', sample.toString('hex'));
});

test('damaged client hellos are read, wanted more of, or refused', () => {
  fc.assert(
    fc.property(damaged(SAMPLES.hello), (bytes) => {
      const hello = parseClientHello(bytes);
      if (hello.kind !== 'hello') return;
      assert.ok(hello.length <= bytes.length);
      assert.match(ja3(hello), /^[0-9a-f]{32}$/);
      assert.match(ja4(hello), /^t[0-9s][0-9][di][0-9]{4}.{2}_[0-9a-f]{12}_[0-9a-f]{12}$/s);
    }),
    { numRuns: RUNS },
  );
});

test('damaged headers of the PROXY protocol are read, wanted more of, or refused', () => {
  fc.assert(
    fc.property(damaged(SAMPLES.proxy), (bytes) => {
      const header = parseProxyHeader(bytes);
      if (header.kind !== 'header') return;
      assert.ok(header.length <= bytes.length);
      for (const end of header.ends === undefined ? [] : [header.ends.source, header.ends.destination])
        assert.ok(end.port >= 0 && end.port <= 65_535);
    }),
    { numRuns: RUNS },
  );
});

test('damaged request lines are some HTTP, or none', () => {
  fc.assert(
    fc.property(damaged(SAMPLES.http), (bytes) => {
      assert.ok(['http/1.0', 'http/1.1', 'h2c', 'not_http', 'incomplete'].includes(inspectProtocol(bytes)));
    }),
    { numRuns: RUNS },
  );
});
