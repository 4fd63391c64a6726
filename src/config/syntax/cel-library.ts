/**
 * The library that reads and runs the Common Expression Language, https://github.com/google/cel-spec. It costs 0.1 s to load: it is loaded
 * with the first expression.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CelDialect } from '#config/model/cel.ts';
import { doubleText } from '#config/syntax/double-text.ts';

export type CelLibrary = typeof import('@bufbuild/cel');
type CelEnvironment = ReturnType<CelLibrary['celEnv']>;
type Types = CelLibrary['CelScalar'];

let library: CelLibrary | undefined;

export function celLibrary(): CelLibrary {
  library ??= load<CelLibrary>('@bufbuild/cel');
  return library;
}

function load<T>(name: string): T {
  return createRequire(import.meta.url)(fileURLToPath(import.meta.resolve(name))) as T;
}

/** Where expressions of a dialect are planned. Calls of functions that it lacks are refused before. */
export function celEnvironment({ stringConcat, stringConversion, stringFunctions }: CelDialect): CelEnvironment {
  const { celEnv, celFunc, CelScalar, listType } = celLibrary();
  const { STRING, BYTES, DYN } = CelScalar;
  const sums = [listType(DYN), ...(stringConcat ? [] : [STRING, BYTES])].map((type) =>
    celFunc('_+_', [type, type], type, () => {
      throw new Error('there is no such sum');
    }),
  );
  return celEnv({
    funcs: [
      ...sums,
      ...plainFunctions(CelScalar),
      ...(stringConversion ? [celFunc('string', [CelScalar.DOUBLE], STRING, (value) => doubleText(value))] : []),
      ...(stringFunctions ? stringMethods(CelScalar) : []),
    ],
  });
}

/** What Envoy has and the library lacks, or reads otherwise. */
function plainFunctions({ BOOL, STRING, INT }: Types) {
  const { celFunc } = celLibrary();
  const asFunction = (name: 'includes' | 'startsWith' | 'endsWith') => (text: string, part: string) => text[name](part);
  return [
    celFunc('contains', [STRING, STRING], BOOL, asFunction('includes')),
    celFunc('startsWith', [STRING, STRING], BOOL, asFunction('startsWith')),
    celFunc('endsWith', [STRING, STRING], BOOL, asFunction('endsWith')),
    celFunc('int', [STRING], INT, (text) => {
      const value = /^\s*[+-]?\d+\s*$/.test(text) ? BigInt(text) : undefined;
      if (value === undefined || BigInt.asIntN(64, value) !== value) throw new Error('no whole number of 64 bits');
      return value;
    }),
  ];
}

function stringMethods({ STRING, INT }: Types) {
  const { celMethod, listType } = celLibrary();
  return [
    ...load<typeof import('@bufbuild/cel/ext')>('@bufbuild/cel/ext').strings,
    celMethod('reverse', STRING, [], STRING, function (this: string) {
      return [...this].reverse().join('');
    }),
    celMethod('replace', STRING, [STRING, STRING], STRING, function (this: string, part, by) {
      return this.replaceAll(part, () => by);
    }),
    celMethod('replace', STRING, [STRING, STRING, INT], STRING, function (this: string, part, by, limit) {
      let seen = 0;
      // A limit below zero is none.
      return this.replaceAll(part, () => (limit < 0n || seen++ < limit ? by : part));
    }),
    // The library's drops what is left behind the last part.
    celMethod('split', STRING, [STRING, INT], listType(STRING), function (this: string, separator, limit) {
      const parts = this.split(separator);
      return limit < 0n || parts.length <= limit ? parts : first(parts, Number(limit), separator);
    }),
  ];
}

/** So many parts, the last of which has all that is left. */
function first(parts: readonly string[], limit: number, separator: string): string[] {
  return limit === 0 ? [] : [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}
