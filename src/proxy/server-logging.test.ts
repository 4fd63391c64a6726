import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LOG_FORMAT, type ProxyOptions } from '#proxy/options.ts';
import { loggingOptions } from '#proxy/server-logging.ts';

test('the bootstrap may say how lines look, where the command line does not', () => {
  const options = { componentLogLevel: {}, logLevel: 'info', logFormat: DEFAULT_LOG_FORMAT } as unknown as ProxyOptions;
  assert.equal(loggingOptions(options).format, DEFAULT_LOG_FORMAT);
  assert.equal(loggingOptions(options, '{"m":"%j"}').format, '{"m":"%j"}');
  const given = { ...options, logFormat: '%v' };
  assert.equal(loggingOptions(given).format, '%v');
  assert.throws(() => loggingOptions(given, '%j'), /^Error: Only one of ApplicationLogConfig.log_format or CLI option/);
});
