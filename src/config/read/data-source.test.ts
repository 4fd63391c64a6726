import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import type { Json } from '#testing/bootstrap.ts';
import { readMessage } from '#testing/read-message.ts';

function read(fields: Json, given: Partial<ReadContext> = {}) {
  const { value, errors } = readMessage('envoy.config.core.v3.DataSource', fields, readDataSource, given);
  return { text: value?.bytes.toString(), path: value?.path, errors };
}

test('bytes stand in the configuration as text or in base64', () => {
  assert.equal(read({ inline_string: 'ab' }).text, 'ab');
  assert.equal(read({ inline_bytes: 'YWI=' }).text, 'ab');
});

test('bytes of a file come with its path', () => {
  const { text, path } = read({ filename: '/a' }, { files: () => Buffer.from('ab') });
  assert.deepEqual([text, path], ['ab', '/a']);
});

test('a file that is not there, or cannot be read, is told with its place', () => {
  const failing = (code: string) => () => {
    throw Object.assign(new Error('no luck'), { code });
  };
  assert.deepEqual(read({ filename: '/a' }, { files: failing('ENOENT') }).errors, ['filename: file /a does not exist']);
  assert.deepEqual(read({ filename: '/a' }, { files: failing('EACCES') }).errors, [
    'filename: unable to read file /a: no luck',
  ]);
});

test('a variable of the environment is read, and must be there', () => {
  const given = { environment: { A: 'ab' } };
  assert.equal(read({ environment_variable: 'A' }, given).text, 'ab');
  assert.deepEqual(read({ environment_variable: 'B' }, given).errors, [
    "environment_variable: Environment variable doesn't exist: B",
  ]);
});
