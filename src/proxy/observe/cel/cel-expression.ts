/**
 * Expressions over a stream's attributes, compiled.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */
import type { CelInput, CelResult } from '@bufbuild/cel';
import type { CelExpression } from '#config/model/cel.ts';
import { planCel } from '#config/syntax/cel.ts';
import { celLibrary } from '#config/syntax/cel-library.ts';
import { type CelAttribute, celAttributes, metadata } from '#proxy/observe/cel/cel-attributes.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

/** @returns the value for a stream, which is an error where a field was not there. @throws Error for what is no expression. */
export function compileCel(expression: CelExpression): (info: StreamInfo) => CelResult {
  const run = planCel(expression);
  const attributes = Object.entries(celAttributes).map(([name, table]) => ({ name, map: new Attributes(table) }));
  const variables: Record<string, CelInput> = {};
  for (const { name, map } of attributes) variables[name] = celLibrary().celMap(map);
  return (info) => {
    for (const { map } of attributes) map.info = info;
    variables.metadata = metadata(info.dynamicMetadata);
    variables.filter_state = serialized(info.filterState);
    // A header that is not there makes an error; where it came from interests nobody, and costs most of the time.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const result = run(variables);
    Error.stackTraceLimit = stackTraceLimit;
    return result;
  };
}

/** One variable: a map whose values are made of the stream when they are asked for. */
class Attributes extends Map<string, CelInput> {
  info: StreamInfo | undefined;
  readonly #table: ReadonlyMap<string, CelAttribute>;

  constructor(table: Record<string, CelAttribute>) {
    super();
    this.#table = new Map(Object.entries(table));
  }

  override get(name: string): CelInput | undefined {
    return this.#table.get(name)?.(this.info as StreamInfo);
  }

  override has(name: string): boolean {
    return this.get(name) !== undefined;
  }
}

/** Objects of the filter state are seen as the bytes of their text. */
function serialized(state: Map<string, unknown> | undefined): CelInput {
  const bytes = new Map<string, CelInput>();
  for (const [key, value] of state ?? []) bytes.set(key, Buffer.from(String(value)));
  return bytes;
}
