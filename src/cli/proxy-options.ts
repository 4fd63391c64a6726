/**
 * Reads the flags of `fairlead proxy`, by hand: what loads here delays the first request.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/cli.
 */
import { availableParallelism } from 'node:os';
import { closest } from '#base/closest.ts';
import { PROXY_FLAGS, type ProxyFlag } from '#cli/proxy-flags.ts';
import { DEFAULT_LOG_FORMAT, type ProxyOptions } from '#proxy/options.ts';

/** What the flags ask for. */
export type ParsedProxyOptions =
  | { kind: 'run'; options: ProxyOptions }
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'hot_restart_version' }
  | { kind: 'problems'; problems: string[] };

/** Envoy's defaults. */
export function defaultProxyOptions(): ProxyOptions {
  return {
    mode: 'serve',
    concurrency: availableParallelism(),
    logLevel: 'info',
    componentLogLevel: {},
    logFormat: DEFAULT_LOG_FORMAT,
    logFormatEscaped: false,
    skipDeprecatedLogs: false,
    serviceNode: '',
    serviceCluster: '',
    serviceZone: '',
    localAddressIpVersion: 'v4',
    statsTags: [],
    allowUnknownStaticFields: false,
    rejectUnknownDynamicFields: false,
    ignoreUnknownDynamicFields: false,
    drainTimeS: 600,
    drainStrategy: 'gradual',
    parentShutdownTimeS: 900,
    disableHotRestart: false,
    baseId: 0,
    useDynamicBaseId: false,
    restartEpoch: 0,
    socketPath: '@envoy_domain_socket',
    socketMode: 0,
    skipHotRestartOnNoParent: false,
    skipHotRestartParentStats: false,
    fileFlushIntervalMsec: 10_000,
    fileFlushMinSizeKb: 64,
  };
}

/** @param args what stands after `fairlead proxy`; every mistake is found, not the first alone. */
export function parseProxyOptions(args: readonly string[]): ParsedProxyOptions {
  const options = defaultProxyOptions();
  const problems: string[] = [];
  const seen = new Set<ProxyFlag>();

  for (let index = 0; index < args.length; index++) {
    const argument = args[index];
    if (argument === '-h' || argument === '--help') return { kind: 'help' };
    if (argument === '--version') return { kind: 'version' };
    if (argument === '--hot-restart-version') return { kind: 'hot_restart_version' };
    if (argument === '--' || argument === '--ignore_rest') break;

    const found = find(argument);
    if (found === undefined) {
      problems.push(unknown(argument));
      continue;
    }
    const known = found.flag;
    if (seen.has(known) && known.repeats !== true) problems.push(`--${known.name} is given twice`);
    seen.add(known);

    let value = found.value;
    if (known.value !== undefined && value === undefined) {
      index++;
      if (index >= args.length) {
        problems.push(`--${known.name} needs a value: ${known.value}`);
        break;
      }
      value = args[index];
    } else if (known.value === undefined && value !== undefined) {
      problems.push(`--${known.name} takes no value`);
      continue;
    }
    try {
      known.set(options, value ?? '');
    } catch (error) {
      problems.push((error as Error).message);
    }
  }

  if (options.useDynamicBaseId && options.restartEpoch > 0) {
    problems.push(`error: cannot use --restart-epoch=${options.restartEpoch} with --use-dynamic-base-id`);
  }
  if (problems.length === 0 && options.configPath === undefined && options.configYaml === undefined) {
    problems.push('needs a configuration: --config-path or --config-yaml');
  }
  return problems.length === 0 ? { kind: 'run', options } : { kind: 'problems', problems };
}

/** `--name`, `--name=value`, `-c`. */
function find(argument: string): { flag: ProxyFlag; value?: string } | undefined {
  if (!argument.startsWith('--')) {
    const short = PROXY_FLAGS.find((candidate) => candidate.short !== undefined && argument === `-${candidate.short}`);
    return short === undefined ? undefined : { flag: short };
  }
  const equals = argument.indexOf('=');
  const name = equals === -1 ? argument.slice(2) : argument.slice(2, equals);
  const known = PROXY_FLAGS.find((candidate) => candidate.name === name);
  if (known === undefined) return undefined;
  return equals === -1 ? { flag: known } : { flag: known, value: argument.slice(equals + 1) };
}

function unknown(argument: string): string {
  if (!argument.startsWith('-')) return `'${argument}' is no flag, and nothing but flags is expected`;
  const meant = closest(
    argument,
    PROXY_FLAGS.map((candidate) => `--${candidate.name}`),
  );
  return `no flag '${argument}'${meant === undefined ? '' : ` (did you mean '${meant}'?)`}`;
}
