/**
 * Headers to add and remove. Follows envoy.config.core.v3.HeaderValueOption and
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
import type { Place } from '#api/place.ts';
import type { AppendAction, HeaderMutations, HeaderToAdd } from '#config/model/header-mutation.ts';
import { checkFormatText } from '#config/read/format.ts';
import { readAll } from '#config/read/read-all.ts';
import { honours } from '#config/read/support.ts';
import type { HeaderValueOption } from '#envoy/config/core/v3/base_pb.js';

const checkOption = honours('envoy.config.core.v3.HeaderValueOption', [
  'header',
  'append',
  'append_action',
  'keep_empty_value',
]);
const checkValue = honours('envoy.config.core.v3.HeaderValue', ['key', 'value', 'raw_value']);

/** In the order of the enum's numbers. */
const ACTIONS: readonly AppendAction[] = [
  'APPEND_IF_EXISTS_OR_ADD',
  'ADD_IF_ABSENT',
  'OVERWRITE_IF_EXISTS_OR_ADD',
  'OVERWRITE_IF_EXISTS',
];

/** The fields that routes, virtual hosts, route tables and weighted clusters share. */
export interface HeaderMutationFields {
  requestHeadersToAdd: HeaderValueOption[];
  requestHeadersToRemove: string[];
  responseHeadersToAdd: HeaderValueOption[];
  responseHeadersToRemove: string[];
}

export const HEADER_MUTATION_FIELDS = [
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
] as const;

export function readHeaderMutations(message: HeaderMutationFields, at: Place): HeaderMutations {
  return {
    requestAdd: readHeadersToAdd(message.requestHeadersToAdd, at.field('request_headers_to_add')),
    requestRemove: readHeadersToRemove(message.requestHeadersToRemove, at.field('request_headers_to_remove')),
    responseAdd: readHeadersToAdd(message.responseHeadersToAdd, at.field('response_headers_to_add')),
    responseRemove: readHeadersToRemove(message.responseHeadersToRemove, at.field('response_headers_to_remove')),
  };
}

export function readHeadersToAdd(messages: readonly HeaderValueOption[], at: Place): HeaderToAdd[] {
  return readAll(messages, at, readHeaderToAdd);
}

function readHeaderToAdd(message: HeaderValueOption, at: Place): HeaderToAdd {
  checkOption(message, at);
  const { header, append, appendAction, keepEmptyValue } = message;
  if (header === undefined) throw at.field('header').missing();
  const place = at.field('header');
  checkValue(header, place);
  const name = header.key.toLowerCase();
  if (!isModifiable(name)) throw place.field('key').problem(':-prefixed or host headers may not be modified');
  if (append !== undefined && appendAction !== 0) {
    throw at.problem("Both append and append_action are set and it's not allowed");
  }
  const raw = Buffer.from(header.rawValue).toString('utf8');
  const value = raw === '' ? header.value : raw;
  checkFormatText(value, place.field(raw === '' ? 'value' : 'raw_value'));
  const action = append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : (ACTIONS[appendAction] ?? ACTIONS[0]);
  return { name, value, action, keepEmptyValue };
}

function readHeadersToRemove(names: readonly string[], at: Place): string[] {
  return readAll(names, at, (name, place) => {
    const lower = name.toLowerCase();
    if (!isModifiable(lower)) throw place.problem(':-prefixed or host headers may not be removed');
    return lower;
  });
}

/** Pseudo headers and the host are set by other means. */
function isModifiable(name: string): boolean {
  return !name.startsWith(':') && name !== 'host';
}
