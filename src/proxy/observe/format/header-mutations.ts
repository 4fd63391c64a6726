/**
 * Headers to remove and add, compiled: removals come first, then additions in their order.
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
  for (let i = 0; i < add.length; i++) {
    const { name, value, action, keepEmptyValue } = add[i];
    const text = value.format(info);
    if (text === '' && !keepEmptyValue) continue;
    switch (action) {
      case 'APPEND_IF_EXISTS_OR_ADD':
        headers.add(name, text);
        break;
      case 'ADD_IF_ABSENT':
        if (!headers.has(name)) headers.add(name, text);
        break;
      case 'OVERWRITE_IF_EXISTS_OR_ADD':
        headers.set(name, text);
        break;
      case 'OVERWRITE_IF_EXISTS':
        if (headers.has(name)) headers.set(name, text);
        break;
    }
  }
}
