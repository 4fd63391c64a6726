/**
 * The functions that expressions may call, as Envoy knows them: a call of any other is refused when it is read.
 * Follows https://github.com/google/cel-spec/blob/master/doc/langdef.md (list of standard definitions) and CelExpressionConfig.
 */
import type { CelDialect } from '#config/model/cel.ts';

/** How many arguments each takes; of methods, beside what they are called on. */
type Functions = Readonly<Record<string, readonly number[]>>;

const times = ['FullYear', 'Month', 'Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear'].concat(
  ...['Hours', 'Minutes', 'Seconds', 'Milliseconds'],
);
const binary = ['_+_', '_-_', '_*_', '_/_', '_%_', '_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in', '_[_]'];

const PLAIN_FUNCTIONS: Functions = {
  ...all(['!_', '-_', 'size', 'int', 'uint', 'double', 'bool', 'bytes', 'timestamp', 'duration', 'dyn', 'type'], [1]),
  ...all([...binary, '_&&_', '_||_', 'contains', 'endsWith', 'startsWith'], [2]),
  '_?_:_': [3],
};
const PLAIN_METHODS: Functions = {
  size: [0],
  ...all(['contains', 'endsWith', 'matches', 'startsWith'], [1]),
  ...all(
    times.map((name) => `get${name}`),
    [0, 1],
  ),
};
const STRING_METHODS: Functions = {
  ...all(['lowerAscii', 'upperAscii', 'trim', 'reverse'], [0]),
  ...all(['charAt', 'format'], [1]),
  ...all(['split', 'substring', 'indexOf', 'lastIndexOf'], [1, 2]),
  join: [0, 1],
  replace: [2, 3],
};

export interface CelCall {
  name: string;
  /** The name before the point, `strings` in `strings.quote(...)`; undefined where the call is on a value, or on none. */
  namespace: string | undefined;
  method: boolean;
  /** How many. */
  args: number;
}

export function isCelFunction({ name, namespace, method, args }: CelCall, dialect: CelDialect): boolean {
  const has = (functions: Functions) => Object.hasOwn(functions, name) && functions[name].includes(args);
  if (method && has(PLAIN_METHODS)) return true;
  if (!method) return has(PLAIN_FUNCTIONS) || (dialect.stringConversion && name === 'string' && args === 1);
  if (!dialect.stringFunctions) return false;
  return has(STRING_METHODS) || (namespace === 'strings' && name === 'quote' && args === 1);
}

function all(names: readonly string[], args: readonly number[]): Functions {
  return Object.fromEntries(names.map((name) => [name, args]));
}
