/**
 * How the command line and the bootstrap ask the proxy to log.
 */
import type { LoggingOptions } from '#base/logger.ts';
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import { DEFAULT_LOG_FORMAT, type ProxyOptions } from '#proxy/options.ts';

/**
 * @param configured the pattern of the bootstrap's application_log_config, where it has one
 * @throws where both say how: Envoy's words
 */
export function loggingOptions(options: ProxyOptions, configured?: string): LoggingOptions {
  const { componentLogLevel, logLevel, logPath, logFormat, logFormatEscaped } = options;
  if (configured !== undefined && logFormat !== DEFAULT_LOG_FORMAT)
    throw new Error('Only one of ApplicationLogConfig.log_format or CLI option --log-format can be specified.');
  return {
    levels: Object.fromEntries(
      LOG_COMPONENTS.map((component) => [component, componentLogLevel[component] ?? logLevel]),
    ),
    ...(logPath === undefined ? {} : { path: logPath }),
    format: configured ?? logFormat,
    escaped: logFormatEscaped,
  };
}
