/**
 * The levels that the command line asks for, by component.
 */
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import type { LogLevel, ProxyOptions } from '#proxy/options.ts';

export function levelsOf(options: ProxyOptions): { [component: string]: LogLevel } {
  return Object.fromEntries(LOG_COMPONENTS.map((component) => [component, options.componentLogLevel[component] ?? options.logLevel]));
}
