import assert from 'node:assert/strict';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileLogPattern, escapeControls } from '#base/log-pattern.ts';
import { configureLogging, levels, logger, reopenLog, setLogLevel } from '#base/logger.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

const record = {
  time: new Date(2026, 2, 4, 15, 6, 7, 89),
  level: 'warning',
  component: 'main',
  message: 'two\nlines',
};

test("a line is made by spdlog's flags, with widths", () => {
  assert.equal(
    compileLogPattern('[%Y-%m-%d %T.%e][%l][%n] %v')(record),
    '[2026-03-04 15:06:07.089][warning][main] two\nlines\n',
  );
  assert.equal(
    compileLogPattern('%L %I %p %_ %% %q %8n|%-8n|%=8n|')(record),
    'W 03 PM two\\nlines % %q     main|main    |  main  |\n',
  );
});

test('controls are escaped as C writes them', () => assert.equal(escapeControls('a\tb"\\'), 'a\\tb\\"\\\\'));

test('a component writes from its own level up, to a file that can be moved away', (t) => {
  const path = join(temporaryFolder(t), 'log');
  configureLogging({ levels: { main: 'info', http: 'off' }, path, format: '%l %n %v', escaped: true });
  logger('main').debug('no');
  logger('main').info('one\ntwo');
  logger('http').critical(() => assert.fail('a message that nobody reads was made'));
  setLogLevel('http', 'debug');
  logger('http').debug(() => 'three');
  assert.equal(readFileSync(path, 'utf8'), 'info main one\\ntwo\ndebug http three\n');
  renameSync(path, `${path}.1`);
  reopenLog();
  setLogLevel(undefined, 'error');
  logger('main').warning('no');
  logger('main').error('four');
  assert.equal(readFileSync(path, 'utf8'), 'error main four\n');
  assert.deepEqual(levels(), [
    ['main', 'error'],
    ['http', 'error'],
  ]);
});
