/** The program's own log as the bootstrap asks for it (`application_log_config`): ours and real Envoy. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bootstrap, type Json } from '#testing/bootstrap.ts';
import { eventually } from '#testing/eventually.ts';
import type { ProxyKind } from '#testing/proxy-command.ts';
import { startProxy } from '#testing/start-proxy.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';
import { agree, verdict } from './verdict.ts';

const asking = (log_format: Json): Json => bootstrap([], [], { application_log_config: { log_format } });

/** The lines that a proxy writes while it starts. */
async function lines(t: TestContext, kind: ProxyKind, log_format: Json): Promise<string[]> {
  const path = join(temporaryFolder(t), 'log');
  await startProxy(t, asking(log_format), { kind, logLevel: 'info', args: ['--log-path', path] });
  // What was written before the configuration was read is not in this form, and the last line may not be whole yet.
  return await eventually('lines are written', () => {
    const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1);
    const formatted = whole.filter((line) => line !== '' && !line.startsWith('['));
    return formatted.length > 0 && formatted;
  });
}

const JSON_FORMAT = {
  Timestamp: '%Y-%m-%dT%T.%F',
  Level: '%l',
  ThreadId: '%t',
  Scope: '%n',
  Message: 'said: %j',
  number: 1.5,
  inside: { list: ['%L', true, null] },
};

test('lines of JSON have the fields that are asked for, in their order', async (t) => {
  for (const kind of ['envoy', 'fairlead'] as const) {
    const written = await lines(t, kind, { json_format: JSON_FORMAT });
    assert.ok(written.length > 0, kind);
    for (const line of written) {
      const { Timestamp, Level, ThreadId, Scope, Message, ...rest } = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual(Object.keys(JSON.parse(line)), Object.keys(JSON_FORMAT));
      assert.match(String(Timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}$/);
      assert.match(`${Level} ${ThreadId} ${Scope}`, /^(info|warning) \d+ [a-z_]+$/);
      assert.match(String(Message), /^said: ./);
      const letter = String(Level)[0].toUpperCase();
      assert.deepEqual(rest, { number: 1.5, inside: { list: [letter, true, null] } });
    }
  }
});

test('lines of text follow the pattern', async (t) => {
  for (const kind of ['envoy', 'fairlead'] as const) {
    const written = await lines(t, kind, { text_format: 'TEXT %l <%v>' });
    assert.ok(written.length > 0, kind);
    for (const line of written) assert.match(line, /^TEXT (info|warning) <.*>$/);
  }
});

for (const [name, format] of Object.entries({
  'a message that is not escaped, in JSON': { json_format: { message: '%v' } },
  'a message that is escaped for text, in JSON': { json_format: { inside: { message: '%_' } } },
  'no format': {},
})) {
  test(`refused as by Envoy: ${name}`, (t) => {
    const both = verdict(t, asking(format));
    assert.ok(both.envoy !== '' && agree(both), JSON.stringify(both, undefined, 2));
  });
}
