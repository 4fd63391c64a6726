import assert from 'node:assert/strict';
import test from 'node:test';
import { PROXY_FLAGS } from '#cli/proxy-flags.ts';
import { defaultProxyOptions, parseProxyOptions } from '#cli/proxy-options.ts';
import type { ProxyOptions } from '#proxy/options.ts';

function options(...args: string[]): ProxyOptions {
  const parsed = parseProxyOptions(['-c', 'x.yaml', ...args]);
  assert.equal(parsed.kind, 'run', JSON.stringify(parsed));
  return parsed.options;
}

function problems(...args: string[]): string[] {
  const parsed = parseProxyOptions(args);
  assert.equal(parsed.kind, 'problems', JSON.stringify(parsed));
  return parsed.problems;
}

test("without flags the options are Envoy's defaults", () => {
  const { configPath, ...rest } = options();
  assert.equal(configPath, 'x.yaml');
  assert.deepEqual(rest, defaultProxyOptions());
  assert.deepEqual([rest.drainTimeS, rest.parentShutdownTimeS, rest.fileFlushIntervalMsec], [600, 900, 10_000]);
});

test('a value stands in the next argument or after an equals sign', () => {
  assert.equal(options('--service-node', 'a').serviceNode, 'a');
  assert.equal(options('--service-node=a=b').serviceNode, 'a=b');
  assert.equal(options('--log-format', '--%v').logFormat, '--%v');
  assert.equal(options('-l', 'debug').logLevel, 'debug');
});

test('every switch sets an option of its own', () => {
  const switches = PROXY_FLAGS.filter((flag) => flag.value === undefined && flag.refused === undefined);
  const changed = switches.map((flag) => {
    const set = options(`--${flag.name}`) as unknown as Record<string, unknown>;
    const byDefault = defaultProxyOptions() as unknown as Record<string, unknown>;
    return Object.keys(set).filter((key) => key !== 'configPath' && set[key] !== byDefault[key] && set[key] === true);
  });
  const empty = switches.filter((_, index) => changed[index].length !== 1).map((flag) => flag.name);
  assert.deepEqual(empty, ['cpuset-threads'], 'its meaning is the default');
});

test('levels, modes, strategies and families are those that Envoy knows', () => {
  assert.equal(options('-l', 'warn').logLevel, 'warning');
  assert.equal(options('--mode', 'init_only').mode, 'init_only');
  assert.equal(options('--drain-strategy', 'immediate').drainStrategy, 'immediate');
  assert.equal(options('--local-address-ip-version', 'v6').localAddressIpVersion, 'v6');
  assert.match(problems('-c', 'x', '-l', 'loud')[0], /^error: invalid log level specified 'loud'/);
  assert.match(problems('-c', 'x', '-l', 'toString')[0], /invalid log level/);
  assert.match(problems('-c', 'x', '--mode', 'bogus')[0], /^error: unknown mode 'bogus'/);
  assert.match(problems('-c', 'x', '--drain-strategy', 'slow')[0], /^error: unknown drain-strategy 'slow'/);
  assert.match(problems('-c', 'x', '--local-address-ip-version', 'v5')[0], /^error: unknown IP address version 'v5'/);
});

test('component levels are a list; a misspelt component is named with the one meant', () => {
  assert.deepEqual(options('--component-log-level', 'upstream:debug,config:trace').componentLogLevel, {
    upstream: 'debug',
    config: 'trace',
  });
  assert.deepEqual(problems('-c', 'x', '--component-log-level', 'upstream'), [
    "error: component log level not correctly specified 'upstream'",
  ]);
  assert.deepEqual(problems('-c', 'x', '--component-log-level', 'upstrem:debug'), [
    "error: invalid component specified 'upstrem' (did you mean 'upstream'?)",
  ]);
});

test('numbers are whole and fit 32 bits; no workers means one', () => {
  assert.equal(options('--concurrency', '0').concurrency, 1);
  assert.equal(options('--concurrency', '4').concurrency, 4);
  assert.equal(options('--drain-time-s', '0').drainTimeS, 0);
  for (const wrong of ['x', '-1', '1.5', '0x10', '', '99999999999']) {
    assert.match(problems('-c', 'x', '--drain-time-s', wrong)[0], /^--drain-time-s: /, wrong);
  }
});

test('a socket mode is octal', () => {
  assert.equal(options('--socket-mode', '600').socketMode, 0o600);
  assert.match(problems('-c', 'x', '--socket-mode', '9')[0], /invalid socket-mode '9'/);
});

test('stats tags gather; a malformed one and two values for one name are refused', () => {
  assert.deepEqual(options('--stats-tag', 'pod:a', '--stats-tag', 'zone:b:c').statsTags, [
    { name: 'pod', value: 'a' },
    { name: 'zone', value: 'b:c' },
  ]);
  for (const wrong of ['pod', 'p.d:a', 'pod:a.b', 'pod:', ':a']) {
    assert.match(problems('-c', 'x', '--stats-tag', wrong)[0], /misformatted stats-tag/, wrong);
  }
  assert.match(problems('-c', 'x', '--stats-tag', 'a:b', '--stats-tag', 'a:c')[0], /two values/);
});

test('all mistakes are found at once', () => {
  assert.deepEqual(problems('-c', 'x', '--concurency', 'extra', '-l', 'loud', '--mode').length, 4);
  assert.equal(
    problems('-c', 'x', '--concurency', '-l', 'info')[0],
    "no flag '--concurency' (did you mean '--concurrency'?)",
  );
});

test('a flag given twice, a value for a switch and a missing value are refused', () => {
  assert.deepEqual(problems('-c', 'a', '--config-path', 'b'), ['--config-path is given twice']);
  assert.deepEqual(problems('-c', 'a', '--disable-hot-restart=true'), ['--disable-hot-restart takes no value']);
  assert.deepEqual(problems('-c'), ['--config-path needs a value: PATH']);
});

test('a flag that cannot be honoured is refused by name', () => {
  for (const flag of PROXY_FLAGS.filter((candidate) => candidate.refused !== undefined)) {
    const value = flag.value === undefined ? [] : ['x'];
    assert.match(problems('-c', 'x', `--${flag.name}`, ...value)[0], new RegExp(`^--${flag.name} is not supported: `));
  }
});

test('a dynamic base id is only for the first generation', () => {
  assert.deepEqual(problems('-c', 'x', '--use-dynamic-base-id', '--restart-epoch', '1'), [
    'error: cannot use --restart-epoch=1 with --use-dynamic-base-id',
  ]);
});

test('without a configuration nothing runs', () => {
  assert.deepEqual(problems(), ['needs a configuration: --config-path or --config-yaml']);
  assert.equal(parseProxyOptions(['--config-yaml', '{}']).kind, 'run');
});

test('help and versions are answered before the rest is read', () => {
  assert.equal(parseProxyOptions(['-h', '--bogus']).kind, 'help');
  assert.equal(parseProxyOptions(['--version']).kind, 'version');
  assert.equal(parseProxyOptions(['--hot-restart-version']).kind, 'hot_restart_version');
});

test('what follows -- is ignored, as Envoy does', () => {
  assert.equal(options('--', '--bogus').configPath, 'x.yaml');
});
