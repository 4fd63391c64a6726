import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '@bufbuild/protobuf';
import { honours, supportDeclarations } from '#config/read/support.ts';
import type { Json } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

const PIPE = 'envoy.config.core.v3.Pipe';

function problems(check: ReturnType<typeof honours>, fields: Json) {
  const { errors, warnings } = readMessage(PIPE, fields, (message: Message, at) => check(message, at));
  return { errors, warnings };
}

test('a field that nobody declares is refused where it is set', () => {
  const check = honours(PIPE, ['path'], { where: 'a test' });
  assert.deepEqual(problems(check, { path: '/a' }), { errors: [], warnings: [] });
  assert.deepEqual(problems(check, { path: '/a', mode: 1 }).errors, [
    "mode: field 'mode' is not supported by Fairlead yet",
  ]);
});

test('a refusal may say why, and a field may be without effect', () => {
  const refusing = honours(PIPE, ['path'], { refused: { mode: 'because' } });
  assert.deepEqual(problems(refusing, { mode: 1 }).errors, [
    "mode: field 'mode' is not supported by Fairlead yet: because",
  ]);
  const warning = honours(PIPE, ['path'], { withoutEffect: { mode: 'because' } });
  assert.deepEqual(problems(warning, { mode: 1 }), {
    errors: [],
    warnings: ["mode: field 'mode' has no effect in Fairlead: because"],
  });
});

test('a declaration that names no field, or one twice, is a mistake of ours', () => {
  assert.throws(() => problems(honours(PIPE, ['paths']), {}), /has no field paths/);
  assert.throws(() => problems(honours(PIPE, ['path'], { refused: { path: 'x' } }), {}), /declared twice/);
});

test('what is declared is told, for the page on compatibility', () => {
  honours(PIPE, ['path'], { where: 'the last test' });
  const { typeName, honoured, where } = supportDeclarations().at(-1) as ReturnType<typeof supportDeclarations>[number];
  assert.deepEqual([typeName, honoured, where], [PIPE, ['path'], 'the last test']);
});
