/**
 * Makes loggers of their configuration. Follows envoy.config.accesslog.v3.AccessLog.
 */
import type { AccessLogConfig } from '#config/model/access-log.ts';
import type { AccessLogContext } from '#proxy/observe/access-log/access-log-context.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { DEFAULT_FORMAT } from '#proxy/observe/access-log/default-format.ts';
import { FileAccessLogger } from '#proxy/observe/access-log/file-access-logger.ts';
import { compileAccessLogFilter } from '#proxy/observe/access-log/filters.ts';
import { logFile } from '#proxy/observe/access-log/log-files.ts';
import { compileFormat, compileFormatConfig } from '#proxy/observe/format/compile-format.ts';

/** @throws Error for a file that cannot be opened, a format or an expression that is none. */
export function compileAccessLogs(configs: readonly AccessLogConfig[], context: AccessLogContext): AccessLogger[] {
  return configs.map((config) => compileAccessLog(config, context));
}

function compileAccessLog({ filter, sink }: AccessLogConfig, context: AccessLogContext): AccessLogger {
  if (sink.kind === 'extension') throw new Error(`no access logger for ${sink.typeUrl}`);
  const path = sink.kind === 'file' ? sink.path : `/dev/${sink.kind}`;
  const format = sink.format === undefined ? compileFormat(DEFAULT_FORMAT) : compileFormatConfig(sink.format);
  const applies = filter === undefined ? undefined : compileAccessLogFilter(filter, context);
  return new FileAccessLogger(logFile(path, context), format, applies);
}
