/**
 * Envoy's command-line flags: what each is called, how it is explained, and which option it sets. A flag that cannot be
 * honoured stands here too, to be refused by name. Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli.
 */
import { closest } from '#base/closest.ts';
import { LOG_COMPONENTS } from '#proxy/log-components.ts';
import type { LogLevel, Mode, ProxyOptions, StatsTag } from '#proxy/options.ts';

/** One of Envoy's flags. */
export interface ProxyFlag {
  name: string;
  short?: string;
  /** What its value is called in help; a flag without it is a switch. */
  value?: string;
  /** May be given several times. */
  repeats?: boolean;
  summary: string;
  /** Why it cannot be honoured. */
  refused?: string;
  /** @throws Error whose message is the complaint. */
  set(options: ProxyOptions, value: string): void;
}

const LEVELS: Record<string, LogLevel> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warning: 'warning',
  warn: 'warning',
  error: 'error',
  critical: 'critical',
  off: 'off',
};
const MODES: readonly Mode[] = ['serve', 'validate', 'init_only'];
const LARGEST_UINT32 = 4294967295;

export const PROXY_FLAGS: readonly ProxyFlag[] = [
  text('config-path', 'PATH', 'the bootstrap: YAML, JSON or binary (.pb)', 'configPath', 'c'),
  text('config-yaml', 'YAML', 'YAML that is merged over the file', 'configYaml'),
  flag('mode', 'MODE', 'serve (default), validate, init_only', (options, value) => {
    options.mode = oneOf(MODES, value, `unknown mode '${value}'`);
  }),
  number('concurrency', 'N', 'worker threads (default: one a core)', 'concurrency'),
  flag(
    'log-level',
    'LEVEL',
    'trace, debug, info (default), warning, error, critical, off',
    (options, value) => {
      options.logLevel = level(value);
    },
    'l',
  ),
  flag('component-log-level', 'LIST', 'levels of single loggers: upstream:debug,config:trace', (options, value) => {
    for (const item of value.split(',')) setComponentLevel(options, item);
  }),
  text('log-path', 'PATH', 'where the log goes (default: standard error)', 'logPath'),
  text('log-format', 'FORMAT', "a log line, in spdlog's pattern", 'logFormat'),
  toggle('log-format-escaped', 'escape line breaks and the like in the log', 'logFormatEscaped'),
  toggle('skip-deprecated-logs', 'do not warn of deprecated fields', 'skipDeprecatedLogs'),

  text('service-node', 'ID', "the node's id", 'serviceNode'),
  text('service-cluster', 'NAME', "the node's cluster", 'serviceCluster'),
  text('service-zone', 'NAME', "the node's zone", 'serviceZone'),
  text('admin-address-path', 'PATH', "a file to write the admin listener's address to", 'adminAddressPath'),
  flag('local-address-ip-version', 'v4|v6', "the local address's family (default: v4)", (options, value) => {
    options.localAddressIpVersion = oneOf(['v4', 'v6'], value, `unknown IP address version '${value}'`);
  }),
  { ...flag('stats-tag', 'NAME:VALUE', 'a tag for every stat', addStatsTag), repeats: true },

  toggle('allow-unknown-static-fields', 'warn of unknown fields in the bootstrap', 'allowUnknownStaticFields'),
  toggle('allow-unknown-fields', 'the old name of --allow-unknown-static-fields', 'allowUnknownStaticFields'),
  toggle('reject-unknown-dynamic-fields', 'refuse unknown fields in discovery', 'rejectUnknownDynamicFields'),
  toggle('ignore-unknown-dynamic-fields', 'do not even warn of them', 'ignoreUnknownDynamicFields'),

  number('drain-time-s', 'N', 'how long connections may take to drain (default: 600)', 'drainTimeS'),
  flag('drain-strategy', 'STRATEGY', 'gradual (default) or immediate', (options, value) => {
    options.drainStrategy = oneOf(['gradual', 'immediate'], value, `unknown drain-strategy '${value}'`);
  }),
  number('parent-shutdown-time-s', 'N', 'when the last generation must be gone (default: 900)', 'parentShutdownTimeS'),

  toggle('disable-hot-restart', 'no hot restart', 'disableHotRestart'),
  number('base-id', 'N', 'tells proxies on one machine apart (default: 0)', 'baseId'),
  toggle('use-dynamic-base-id', 'take the first base id that is free', 'useDynamicBaseId'),
  text('base-id-path', 'PATH', 'a file to write the base id to', 'baseIdPath'),
  number('restart-epoch', 'N', 'the generation: 0, then 1, ... (default: 0)', 'restartEpoch'),
  text('socket-path', 'PATH', 'where generations meet (default: @envoy_domain_socket)', 'socketPath'),
  flag('socket-mode', 'OCTAL', "that file's permissions", (options, value) => {
    if (!/^[0-7]{1,4}$/.test(value)) throw new Error(`error: invalid socket-mode '${value}'`);
    options.socketMode = Number.parseInt(value, 8);
  }),
  toggle('skip-hot-restart-on-no-parent', 'go on where no parent answers', 'skipHotRestartOnNoParent'),
  toggle('skip-hot-restart-parent-stats', "do not take over the parent's stats", 'skipHotRestartParentStats'),

  number(
    'file-flush-interval-msec',
    'N',
    'how often access logs are flushed (default: 10000)',
    'fileFlushIntervalMsec',
  ),
  number('file-flush-min-size-kb', 'N', 'how much is gathered at most (default: 64)', 'fileFlushMinSizeKb'),
  flag('cpuset-threads', undefined, 'as many workers as the CPU set has cores: the default here', () => {}),

  refused('disable-extensions', 'LIST', 'every extension is always there'),
  refused('enable-core-dump', undefined, "core dumps are the system's to allow (ulimit -c)"),
  refused('enable-fine-grain-logging', undefined, 'loggers are named by component, not by file'),
  refused('enable-mutex-tracing', undefined, 'there are no mutexes to trace'),
  refused('log-stacktrace-single-entry', undefined, 'a stack trace is always one entry'),
];

/** The options of one type: those that {@link text}, {@link number} and {@link toggle} set. */
type KeysOf<T> = {
  [K in keyof ProxyOptions]-?: T extends Exclude<ProxyOptions[K], undefined> ? K : never;
}[keyof ProxyOptions];

function flag(
  name: string,
  value: string | undefined,
  summary: string,
  set: ProxyFlag['set'],
  short?: string,
): ProxyFlag {
  return { name, value, summary, set, short };
}

function text(name: string, value: string, summary: string, key: KeysOf<string>, short?: string): ProxyFlag {
  const set = (options: ProxyOptions, given: string) => {
    options[key] = given;
  };
  return flag(name, value, summary, set, short);
}

function number(name: string, value: string, summary: string, key: KeysOf<number>): ProxyFlag {
  return flag(name, value, summary, (options, given) => {
    const parsed = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    if (!(parsed <= LARGEST_UINT32))
      throw new Error(`--${name}: '${given}' is not a whole number from 0 to ${LARGEST_UINT32}`);
    // Envoy, too, reads no workers as one.
    options[key] = key === 'concurrency' ? Math.max(1, parsed) : parsed;
  });
}

function toggle(name: string, summary: string, key: KeysOf<boolean>): ProxyFlag {
  return flag(name, undefined, summary, (options) => {
    options[key] = true;
  });
}

function refused(name: string, value: string | undefined, why: string): ProxyFlag {
  const set = () => {
    throw new Error(`--${name} is not supported: ${why}`);
  };
  return { name, value, summary: `not supported: ${why}`, refused: why, set };
}

function oneOf<T extends string>(values: readonly T[], value: string, complaint: string): T {
  const found = values.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`error: ${complaint}; expected ${values.join(', ')}`);
  return found;
}

function level(value: string): LogLevel {
  if (!Object.hasOwn(LEVELS, value)) {
    throw new Error(`error: invalid log level specified '${value}'; expected ${Object.keys(LEVELS).join(', ')}`);
  }
  return LEVELS[value];
}

function setComponentLevel(options: ProxyOptions, item: string): void {
  const parts = item.split(':');
  if (parts.length !== 2) throw new Error(`error: component log level not correctly specified '${item}'`);
  const [component, name] = parts;
  if (!LOG_COMPONENTS.includes(component)) {
    const meant = closest(component, LOG_COMPONENTS);
    const hint = meant === undefined ? '' : ` (did you mean '${meant}'?)`;
    throw new Error(`error: invalid component specified '${component}'${hint}`);
  }
  options.componentLogLevel[component] = level(name);
}

function addStatsTag(options: ProxyOptions, given: string): void {
  const colon = given.indexOf(':');
  if (colon === -1) throw new Error(`error: misformatted stats-tag '${given}'`);
  const tag: StatsTag = { name: given.slice(0, colon), value: given.slice(colon + 1) };
  if (!/^[A-Za-z0-9]+$/.test(tag.name)) throw misformatted(given, tag.name);
  if (tag.value === '' || tag.value.includes('.')) throw misformatted(given, tag.value);
  if (options.statsTags.some((other) => other.name === tag.name)) {
    throw new Error(`error: stats-tag '${tag.name}' has two values`);
  }
  options.statsTags.push(tag);
}

function misformatted(tag: string, part: string): Error {
  return new Error(`error: misformatted stats-tag '${tag}' contains invalid char in '${part}'`);
}
