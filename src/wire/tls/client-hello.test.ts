import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import tls from 'node:tls';
import fc from 'fast-check';
import { type ClientHello, isGrease, parseClientHello } from '#wire/tls/client-hello.ts';

/** The bytes that Node's own client begins with. */
async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const [socket] = (await new Promise((resolve) => server.once('connection', (...args) => resolve(args)))) as [
    net.Socket,
  ];
  const bytes = (await new Promise((resolve) => socket.once('data', resolve))) as Buffer;
  socket.destroy();
  client.destroy();
  server.close();
  return bytes;
}

const full = await helloOf({ servername: 'shop.test', ALPNProtocols: ['h2', 'http/1.1'] });

test('the hello of a real client tells name, protocols, versions and groups', () => {
  const hello = parseClientHello(full) as ClientHello;
  assert.equal(hello.kind, 'hello');
  assert.equal(hello.serverName, 'shop.test');
  assert.deepEqual(hello.alpn, ['h2', 'http/1.1']);
  assert.equal(hello.version, 0x0303);
  assert.ok(hello.supportedVersions.includes(0x0304));
  assert.ok(hello.cipherSuites.includes(0x1301));
  assert.ok(hello.supportedGroups.includes(29) && hello.keyShareGroups.includes(29));
  assert.ok(hello.signatureAlgorithms.includes(0x0403));
  assert.ok(hello.extensions.includes(0));
  assert.equal(hello.length, full.length);
});

test('a client of TLS 1.2 without a name has neither name nor versions', async () => {
  const hello = parseClientHello(await helloOf({ maxVersion: 'TLSv1.2' })) as ClientHello;
  assert.equal(hello.serverName, '');
  assert.deepEqual(hello.supportedVersions, []);
  assert.deepEqual(hello.alpn, []);
});

test('every beginning of a hello is incomplete', () => {
  for (let length = 0; length < full.length; length++) {
    assert.equal(parseClientHello(full.subarray(0, length)).kind, 'incomplete', `${length} bytes`);
  }
});

test('what follows a hello is left alone', () => {
  const hello = parseClientHello(Buffer.concat([full, Buffer.from('more')])) as ClientHello;
  assert.equal(hello.length, full.length);
});

test('a hello that is spread over records reads the same', () => {
  const body = full.subarray(5);
  for (const size of [1, 2, 3, 100]) {
    const records: Buffer[] = [];
    for (let at = 0; at < body.length; at += size) {
      const part = body.subarray(at, at + size);
      records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
    }
    const hello = parseClientHello(Buffer.concat(records)) as ClientHello;
    assert.equal(hello.kind, 'hello');
    assert.equal(hello.serverName, 'shop.test');
    assert.equal(hello.length, Buffer.concat(records).length);
  }
});

test('other protocols are not TLS', () => {
  for (const text of ['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0', 'hello', '\x16\x02']) {
    assert.equal(parseClientHello(Buffer.from(text, 'latin1')).kind, 'not_tls', text);
  }
});

test('broken records and hellos above the limit are invalid', () => {
  const broken = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(full);
    change(bytes);
    return parseClientHello(bytes).kind;
  };
  assert.equal(
    broken((bytes) => bytes.writeUInt16BE(0, 3)),
    'invalid',
  );
  assert.equal(
    broken((bytes) => bytes.writeUInt16BE(16_385, 3)),
    'invalid',
  );
  assert.equal(
    broken((bytes) => bytes.writeUInt8(2, 5)),
    'invalid',
  );
  assert.equal(
    broken((bytes) => bytes.writeUInt8(255, 43)),
    'invalid',
  );
  assert.equal(parseClientHello(full, 100).kind, 'invalid');
  const growing = Buffer.concat(
    Array.from({ length: 5 }, () => Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0]), Buffer.alloc(16_384, 1)])),
  );
  growing.writeUIntBE(0xffffff, 6, 3);
  assert.equal(parseClientHello(growing).kind, 'invalid');
});

test('no bytes make it throw, and a hello is never longer than what came', () => {
  const changed = fc.array(fc.tuple(fc.nat(full.length - 1), fc.nat(255)), { maxLength: 8 }).map((changes) => {
    const bytes = Buffer.from(full);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  const junk = fc.uint8Array({ maxLength: 200 }).map((rest) => Buffer.concat([Buffer.from([22, 3, 1]), rest]));
  fc.assert(
    fc.property(fc.oneof(changed, junk), fc.nat(600), (bytes, cut) => {
      const result = parseClientHello(bytes.subarray(0, cut));
      if (result.kind === 'hello') assert.ok(result.length <= cut);
    }),
    { numRuns: 2000 },
  );
});

test('grease values are told from real ones', () => {
  assert.deepEqual([0x0a0a, 0x1a1a, 0xfafa, 0x0a1a, 0x1301].map(isGrease), [true, true, true, false, false]);
});
