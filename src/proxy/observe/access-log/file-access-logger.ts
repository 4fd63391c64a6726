/**
 * Writes a line for each stream to a file. Follows envoy.extensions.access_loggers.file.v3.FileAccessLog and
 * envoy.extensions.access_loggers.stream.v3 (standard output and error).
 */
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import type { AccessLogPredicate } from '#proxy/observe/access-log/filters.ts';
import type { LogFile } from '#proxy/observe/access-log/log-file.ts';
import type { Formatter } from '#proxy/observe/format/compile-format.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export class FileAccessLogger implements AccessLogger {
  private readonly file: LogFile;
  private readonly format: Formatter;
  private readonly filter: AccessLogPredicate | undefined;

  constructor(file: LogFile, format: Formatter, filter: AccessLogPredicate | undefined) {
    this.file = file;
    this.format = format;
    this.filter = filter;
  }

  log(info: StreamInfo): void {
    if (this.filter !== undefined && !this.filter(info)) return;
    this.file.write(this.format.format(info));
  }
}
