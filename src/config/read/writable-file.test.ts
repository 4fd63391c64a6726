import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketAddress, typed } from '#testing/bootstrap.ts';
import { errorsOf, loadOptions } from '#testing/load-config.ts';

const file = (path: string) => ({
  name: 'f',
  typed_config: typed('extensions.access_loggers.file.v3.FileAccessLog', { path }),
});
const bootstrap = {
  admin: {
    address: socketAddress(0),
    access_log_path: '/dev',
    access_log: [file('/not/there/log'), file('/dev/null'), file('/dev/stdout'), file('/dev/null/log')],
  },
};

test('a log that cannot be written is told at its place where the bootstrap is to run', () => {
  assert.deepEqual(errorsOf(bootstrap, loadOptions({ writesFiles: true })), [
    "admin.access_log_path: unable to open file '/dev': Is a directory",
    "admin.access_log[0].typed_config.path: unable to open file '/not/there/log': No such file or directory",
    "admin.access_log[3].typed_config.path: unable to open file '/dev/null/log': Not a directory",
  ]);
});

test('to explain a bootstrap nobody needs its logs', () => {
  assert.deepEqual(errorsOf(bootstrap), []);
});
