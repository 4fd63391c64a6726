/**
 * The proxy from start to end: configuration, workers, discovery, listeners, admin, drain.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli and .../intro/arch_overview/init
 */

import { ConfigError } from '#api/problems.ts';
import { configureLogging, logger } from '#base/logger.ts';
import { loadConfiguration, reportProblems } from '#proxy/load-configuration.ts';
import type { ProxyOptions } from '#proxy/options.ts';
import { RunningServer } from '#proxy/running-server.ts';
import { loggingOptions } from '#proxy/server-logging.ts';

/** Runs until it is told to stop; ends the process where the configuration cannot be served. */
export async function runProxy(options: ProxyOptions): Promise<void> {
  configureLogging(loggingOptions(options));
  const log = logger('main');
  try {
    const loaded = loadConfiguration(options);
    const { logFormat } = loaded.snapshot;
    if (logFormat !== undefined) configureLogging(loggingOptions(options, logFormat));
    if (options.mode === 'validate') {
      process.stdout.write(`configuration '${options.configPath ?? ''}' OK\n`);
      return;
    }
    const server = new RunningServer(options, loaded);
    await server.start();
    if (options.mode === 'init_only') {
      await server.stop();
      process.exit(0);
    }
  } catch (error) {
    if (error instanceof ConfigError) reportProblems(error);
    else log.critical(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}
