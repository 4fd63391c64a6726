/**
 * Substitution format strings, checked operator by operator.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-strings
 */
import type { JsonObject } from '@bufbuild/protobuf';
import type { Place } from '#api/place.ts';
import type { FormatConfig } from '#config/model/format.ts';
import type { Json } from '#config/model/route.ts';
import type { ReadContext } from '#config/read/context.ts';
import { readDataSource } from '#config/read/data-source.ts';
import { readFormatters } from '#config/read/formatters.ts';
import { honours } from '#config/read/support.ts';
import { checkFormat } from '#config/syntax/format-operators.ts';
import type { SubstitutionFormatString } from '#envoy/config/core/v3/substitution_format_string_pb.js';

const check = honours('envoy.config.core.v3.SubstitutionFormatString', [
  'text_format',
  'json_format',
  'text_format_source',
  'omit_empty_values',
  'content_type',
  'json_format_options',
  'formatters',
]);
const checkJsonOptions = honours('envoy.config.core.v3.JsonFormatOptions', ['sort_properties']);

export function readFormat(message: SubstitutionFormatString, at: Place, context: ReadContext): FormatConfig {
  check(message, at);
  const { omitEmptyValues, contentType, jsonFormatOptions } = message;
  if (jsonFormatOptions !== undefined) checkJsonOptions(jsonFormatOptions, at.field('json_format_options'));
  return {
    body: readBody(message, at, context),
    omitEmptyValues,
    contentType,
    sortProperties: jsonFormatOptions?.sortProperties ?? false,
  };
}

function readBody(
  { format, formatters: extensions }: SubstitutionFormatString,
  at: Place,
  context: ReadContext,
): FormatConfig['body'] {
  const formatters = readFormatters(extensions, at.field('formatters'), context);
  switch (format.case) {
    case 'textFormat':
      return textBody(format.value, at.field('text_format'), formatters);
    case 'textFormatSource': {
      const place = at.field('text_format_source');
      return textBody(readDataSource(format.value, place, context).bytes.toString('utf8'), place, formatters);
    }
    case 'jsonFormat':
      return jsonBody(format.value, at.field('json_format'), formatters);
    default:
      throw at.problem('one of text_format, json_format, text_format_source is required');
  }
}

export function textBody(text: string, at: Place, formatters: readonly string[] = []): FormatConfig['body'] {
  checkFormatText(text, at, formatters);
  return { kind: 'text', text };
}

export function jsonBody(json: JsonObject, at: Place, formatters: readonly string[] = []): FormatConfig['body'] {
  checkJson(json, at, formatters);
  return { kind: 'json', json: json as Json };
}

function checkJson(json: unknown, at: Place, formatters: readonly string[]): void {
  if (typeof json === 'string') return checkFormatText(json, at, formatters);
  if (json === null || typeof json !== 'object') return;
  if (Array.isArray(json)) for (const [i, item] of json.entries()) checkJson(item, at.index(i), formatters);
  else for (const [key, value] of Object.entries(json)) checkJson(value, at.key(key), formatters);
}

/**
 * @param formatters the formatter extensions that the format has
 * @throws PlacedError with Envoy's words.
 */
export function checkFormatText(text: string, at: Place, formatters: readonly string[] = []): void {
  try {
    checkFormat(text, formatters);
  } catch (error) {
    throw at.problem((error as Error).message);
  }
}
