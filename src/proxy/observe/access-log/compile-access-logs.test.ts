import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Timers } from '#base/timers.ts';
import type { AccessLogConfig } from '#config/model/access-log.ts';
import type { FormatConfig } from '#config/model/format.ts';
import { compileAccessLogs } from '#proxy/observe/access-log/compile-access-logs.ts';
import { flushAccessLogs, reopenAccessLogs } from '#proxy/observe/access-log/log-files.ts';
import { RuntimeView } from '#selection/runtime-view.ts';
import { FakeClock } from '#testing/fake-clock.ts';
import { PlainScope } from '#testing/plain-scope.ts';
import { streamInfo } from '#testing/stream-info.ts';
import { temporaryFolder } from '#testing/temporary-folder.ts';

function context() {
  const clock = new FakeClock();
  const scope = new PlainScope();
  const timers = new Timers(clock, clock.schedule);
  return {
    scope,
    timers,
    runtime: new RuntimeView(),
    files: { flushInterval: 10_000, flushBytes: 65_536, writers: 1 },
  };
}

const text = (format: string): FormatConfig => ({
  body: { kind: 'text', text: format },
  omitEmptyValues: false,
  contentType: '',
  sortProperties: false,
});

test('without a format, the line is that of Envoy', async (t) => {
  const path = join(temporaryFolder(t), 'access.log');
  const [log] = compileAccessLogs([{ name: 'file', sink: { kind: 'file', path } }], context());
  log.log(
    streamInfo({
      path: '/now',
      originalPath: '',
      bytesSent: 60,
      marks: { start: 0, complete: 12.7 },
      requestHeaders: { 'user-agent': 'curl/8', 'x-request-id': 'id', 'x-envoy-original-path': '/before' },
      responseHeaders: { 'x-envoy-upstream-service-time': '11' },
      upstream: {},
    }),
  );
  await flushAccessLogs();
  assert.equal(
    readFileSync(path, 'utf8'),
    '[2026-01-01T00:00:00.000Z] "GET /before HTTP/1.1" 200 - 0 60 12 11 "-" "curl/8" "id" "example.test" "127.0.0.1:8081"\n',
  );
});

test('loggers of one path share the file, each with its filter and format', async (t) => {
  const path = join(temporaryFolder(t), 'access.log');
  const given = context();
  const configs: AccessLogConfig[] = [
    { name: 'all', sink: { kind: 'file', path, format: text('all %RESPONSE_CODE%\n') } },
    {
      name: 'errors',
      filter: { kind: 'status_code', comparison: { op: 'GE', value: 500, runtimeKey: '' } },
      sink: { kind: 'file', path, format: text('error %RESPONSE_CODE%\n') },
    },
    {
      name: 'json',
      sink: { kind: 'file', path, format: { ...text(''), body: { kind: 'json', json: { code: '%RESPONSE_CODE%' } } } },
    },
  ];
  const logs = compileAccessLogs(configs, given);
  for (const responseCode of [200, 503]) for (const log of logs) log.log(streamInfo({ responseCode }));
  reopenAccessLogs();
  await flushAccessLogs();
  assert.equal(readFileSync(path, 'utf8'), 'all 200\n{"code":200}\nall 503\nerror 503\n{"code":503}\n');
  assert.equal(given.scope.value('filesystem.write_buffered'), 5);
});

test('a file that cannot be opened fails the start', () => {
  const sink = { kind: 'file', path: '/nowhere/access.log' } as const;
  assert.throws(() => compileAccessLogs([{ name: 'file', sink }], context()), {
    message: "unable to open file '/nowhere/access.log': No such file or directory",
  });
});
