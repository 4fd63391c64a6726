/**
 * How the command line asks the proxy to log.
 */
import type { LoggingOptions } from '#base/logger.ts';
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import type { ProxyOptions } from '#proxy/options.ts';

export function loggingOptions(options: ProxyOptions): LoggingOptions {
  const { componentLogLevel, logLevel, logPath, logFormat, logFormatEscaped } = options;
  return {
    levels: Object.fromEntries(
      LOG_COMPONENTS.map((component) => [component, componentLogLevel[component] ?? logLevel]),
    ),
    ...(logPath === undefined ? {} : { path: logPath }),
    format: logFormat,
    escaped: logFormatEscaped,
  };
}
