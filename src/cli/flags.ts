/**
 * Flags as istioctl's commands take them: `--name value`, `--name=value`, `-n value`, `-nvalue`; a switch stands alone or as `--name=false`.
 * Follows https://pkg.go.dev/github.com/spf13/pflag, with its words for what is wrong.
 */
import { DumpError } from '#dump/dump-error.ts';

export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly kind: 'text' | 'number' | 'switch';
  /** What stands for its value in the help: `FILE`. */
  readonly value?: string;
  readonly help: string;
  readonly initial: string | number | boolean;
  /** Taken, but not told of in the help. */
  readonly hidden?: boolean;
}

/** Values by name; every flag has one. */
export type FlagValues = Readonly<Record<string, string | number | boolean>>;

export interface ParsedFlags {
  values: FlagValues;
  /** Names of the flags that were given. */
  given: ReadonlySet<string>;
  positional: string[];
}

/** @throws DumpError for one that does not exist or has a bad value. */
export function parseFlags(flags: readonly Flag[], args: readonly string[]): ParsedFlags {
  const values: Record<string, string | number | boolean> = {};
  for (const flag of flags) values[flag.name] = flag.initial;
  const given = new Set<string>();
  const positional: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === '--') {
      positional.push(...rest.splice(0));
    } else if (!arg.startsWith('-') || arg === '-') {
      positional.push(arg);
    } else {
      const { flag, shown, value } = flagOf(flags, arg);
      given.add(flag.name);
      values[flag.name] = read(flag, shown, value ?? next(flag, arg, rest));
    }
  }
  return { values, given, positional };
}

function flagOf(flags: readonly Flag[], arg: string): { flag: Flag; shown: string; value: string | undefined } {
  if (arg.startsWith('--')) {
    const [, name, value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) as unknown as [string, string, string?];
    const flag = flags.find((each) => each.name === name);
    if (flag === undefined) throw new DumpError(`unknown flag: --${name}`);
    return { flag, shown: `--${name}`, value };
  }
  const letter = arg[1];
  const flag = flags.find(({ short }) => short === letter);
  if (flag === undefined) throw new DumpError(`unknown shorthand flag: '${letter}' in ${arg}`);
  const shown = `-${letter}, --${flag.name}`;
  return { flag, shown, value: arg.length === 2 ? undefined : arg.slice(arg[2] === '=' ? 3 : 2) };
}

function next(flag: Flag, arg: string, rest: string[]): string {
  if (flag.kind === 'switch') return 'true';
  const value = rest.shift();
  if (value !== undefined) return value;
  const [, letter] = arg;
  throw new DumpError(
    letter === '-' ? `flag needs an argument: ${arg}` : `flag needs an argument: '${letter}' in ${arg}`,
  );
}

const SWITCHES: Readonly<Record<string, boolean>> = {
  ...{ 1: true, t: true, T: true, true: true, TRUE: true, True: true },
  ...{ 0: false, f: false, F: false, false: false, FALSE: false, False: false },
};

function read({ kind }: Flag, shown: string, value: string): string | number | boolean {
  if (kind === 'text') return value;
  const bad = (parser: string) =>
    new DumpError(
      `invalid argument "${value}" for "${shown}" flag: strconv.${parser}: parsing "${value}": invalid syntax`,
    );
  if (kind === 'number') {
    if (!/^[+-]?\d{1,15}$/.test(value)) throw bad('ParseInt');
    return Number(value);
  }
  if (!Object.hasOwn(SWITCHES, value)) throw bad('ParseBool');
  return SWITCHES[value];
}

/** The list of flags for a help text. */
export function flagsHelp(flags: readonly Flag[]): string {
  const rows = flags.filter(({ hidden }) => !hidden).map((flag) => [flagWords(flag), flag.help]);
  const width = Math.max(...rows.map(([words]) => words.length));
  return rows.map(([words, help]) => `  ${words.padEnd(width)}  ${help}\n`).join('');
}

function flagWords({ name, short, value }: Flag): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}
