import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { AdminBody } from '#proxy/admin/handler.ts';
import { sendBody } from '#proxy/admin/send-body.ts';
import { eventually } from '#testing/eventually.ts';

/** A server that answers with the body. @returns its port, and what sending came to */
async function serve(t: TestContext, body: () => AdminBody) {
  const sent: number[] = [];
  const server = createServer((_, response) => void sendBody(response, body()).then((bytes) => sent.push(bytes)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sent };
}

function read(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

test('a body in parts arrives whole, and its size is told', async (t) => {
  const parts = Array.from({ length: 30_000 }, (_, i) => (i % 3 === 0 ? '' : `part ${i}, é\n`));
  const { port, sent } = await serve(t, () => parts);
  assert.equal(await read(port), parts.join(''));
  assert.deepEqual(sent, [Buffer.byteLength(parts.join(''))]);
});

test('while parts are made, others have their turns', async (t) => {
  let turns = 0;
  let done = false;
  function* slow() {
    for (let i = 0; i < 640; i++) {
      const until = performance.now() + 0.05;
      while (performance.now() < until);
      yield '';
    }
    done = true;
  }
  const { port } = await serve(t, slow);
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  const answer = read(port);
  count();
  assert.equal(await answer, '');
  assert.ok(turns > 10, `${turns} turns`);
});

test('no more is made than the caller reads, and nothing when it is gone', async (t) => {
  let [made, ended] = [0, false];
  function* large() {
    try {
      for (; made < 1_000_000; made++) yield 'x'.repeat(1024);
    } finally {
      ended = true;
    }
  }
  const { port, sent } = await serve(t, large);
  const client = connect(port, '127.0.0.1').pause();
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  let before = -1;
  await eventually('the server waits', () => {
    const waits = made > 0 && made === before;
    before = made;
    return waits;
  });
  assert.equal(ended, false);
  client.destroy();
  await eventually('it gives up', () => ended);
  assert.ok(made < 1_000_000);
  await eventually('what was sent is told', () => sent.length === 1);
});
