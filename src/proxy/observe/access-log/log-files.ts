/**
 * The access log files of one thread: loggers that name the same path share one file, so that lines keep their order.
 * Follows Envoy's AccessLogManager.
 */
import type { AccessLogContext, LogFileSettings } from '#proxy/observe/access-log/access-log-context.ts';
import { LogFile } from '#proxy/observe/access-log/log-file.ts';
import { filesystemStats } from '#proxy/observe/stats/manager-stats.ts';
import type { ProxyOptions } from '#proxy/options.ts';

/** What the command line says of files, and that every worker writes them. */
export function logFileSettings(options: ProxyOptions): LogFileSettings {
  const { fileFlushIntervalMsec, fileFlushMinSizeKb, concurrency } = options;
  return { flushInterval: fileFlushIntervalMsec, flushBytes: fileFlushMinSizeKb * 1024, writers: concurrency };
}

const files = new Map<string, LogFile>();

/** @throws Error for a file that cannot be opened. */
export function logFile(path: string, context: AccessLogContext): LogFile {
  let file = files.get(path);
  if (file === undefined) {
    const { scope, timers, files: settings } = context;
    file = new LogFile(path, { timers, stats: filesystemStats(scope), settings });
    files.set(path, file);
  }
  return file;
}

/**
 * Writes everything that was logged on this thread: nothing is lost when it ends.
 * @param patience milliseconds after which what a stuck disk or reader has not taken is given up
 */
export async function flushAccessLogs(patience = 2000): Promise<void> {
  let giveUp: NodeJS.Timeout | undefined;
  const patienceEnds = new Promise((resolve) => {
    giveUp = setTimeout(resolve, patience);
  });
  await Promise.race([Promise.all(Array.from(files.values(), (file) => file.flush())), patienceEnds]);
  clearTimeout(giveUp);
}

/** Opens every file again, after somebody moved the old ones away (SIGUSR1, /reopen_logs). */
export function reopenAccessLogs(): void {
  for (const file of files.values()) file.reopen();
}
