import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import test, { type TestContext } from 'node:test';
import { adminIsLive, portsAccept, portsInUse } from '#cli/sample/ports.ts';

async function admin(t: TestContext, answers: string[]): Promise<number> {
  const server: Server = createServer((_, response) =>
    response.end(`${answers.length > 1 ? answers.shift() : answers[0]}\n`),
  );
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test('a port that somebody holds is in use, a closed one is not', async (t) => {
  const held = await admin(t, ['LIVE']);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: closed } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await portsInUse([closed, held]), [held]);
});

test('an admin is live when it says so, not when it answers', async (t) => {
  const answers = ['PRE_INITIALIZING', 'INITIALIZING', 'LIVE'];
  const port = await admin(t, answers);
  await portsAccept([port], AbortSignal.timeout(5000));
  await adminIsLive(port, AbortSignal.timeout(5000));
  assert.deepEqual(answers, ['LIVE']);
});

test('waiting ends when it is told to', async (t) => {
  const port = await admin(t, ['DRAINING']);
  await assert.rejects(adminIsLive(port, AbortSignal.timeout(50)), { name: /AbortError|TimeoutError/ });
});
