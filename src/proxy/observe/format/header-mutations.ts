/**
 * Headers to remove and add, compiled. Removals come first; then all values are formatted and the conditions on them decided, before any
 * is written; then headers are overwritten, and at last added.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
import type { AppendAction, HeaderMutations, HeaderToAdd } from '#config/model/header-mutation.ts';
import { compileFormat, type Formatter } from '#proxy/observe/format/compile-format.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';
import type { Headers } from '#wire/headers.ts';

interface Addition {
  name: string;
  value: Formatter;
  action: AppendAction;
  keepEmptyValue: boolean;
}

export class CompiledHeaderMutations {
  private readonly requestRemove: readonly string[];
  private readonly responseRemove: readonly string[];
  private readonly requestAdd: readonly Addition[];
  private readonly responseAdd: readonly Addition[];

  constructor(mutations: HeaderMutations) {
    this.requestRemove = mutations.requestRemove;
    this.responseRemove = mutations.responseRemove;
    this.requestAdd = mutations.requestAdd.map(compileAddition);
    this.responseAdd = mutations.responseAdd.map(compileAddition);
  }

  applyRequest(headers: Headers, info: StreamInfo): void {
    apply(headers, info, this.requestRemove, this.requestAdd);
  }

  applyResponse(headers: Headers, info: StreamInfo): void {
    apply(headers, info, this.responseRemove, this.responseAdd);
  }
}

/** @throws Error with Envoy's words where a value has an operator that is unknown or written wrongly. */
export function compileHeaderMutations(mutations: HeaderMutations): CompiledHeaderMutations {
  return new CompiledHeaderMutations(mutations);
}

function compileAddition({ name, value, action, keepEmptyValue }: HeaderToAdd): Addition {
  return { name, value: compileFormat(value, ''), action, keepEmptyValue };
}

function apply(headers: Headers, info: StreamInfo, remove: readonly string[], add: readonly Addition[]): void {
  for (let i = 0; i < remove.length; i++) headers.remove(remove[i]);
  if (add.length === 1) {
    const value = evaluate(add[0], headers, info);
    if (value !== undefined) write(add[0], value, headers);
  } else if (add.length > 1) applyAll(headers, info, add);
}

/** Of the changes under way; none begins before another is done. */
const values: (string | undefined)[] = [];

function applyAll(headers: Headers, info: StreamInfo, add: readonly Addition[]): void {
  for (let i = 0; i < add.length; i++) values[i] = evaluate(add[i], headers, info);
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < add.length; i++) {
      const value = values[i];
      if (value !== undefined && overwrites(add[i]) === (pass === 0)) write(add[i], value, headers);
    }
  }
}

/** @returns the value to write, or undefined where nothing is to be written */
function evaluate(
  { name, value, action, keepEmptyValue }: Addition,
  headers: Headers,
  info: StreamInfo,
): string | undefined {
  const text = value.format(info);
  if (text === '' && !keepEmptyValue) return undefined;
  if (action === 'ADD_IF_ABSENT' && headers.has(name)) return undefined;
  if (action === 'OVERWRITE_IF_EXISTS' && !headers.has(name)) return undefined;
  return text;
}

function overwrites({ action }: Addition): boolean {
  return action === 'OVERWRITE_IF_EXISTS_OR_ADD' || action === 'OVERWRITE_IF_EXISTS';
}

function write(addition: Addition, value: string, headers: Headers): void {
  // What is overwritten goes to the end, as with Envoy.
  if (overwrites(addition)) headers.remove(addition.name);
  headers.add(addition.name, value);
}
