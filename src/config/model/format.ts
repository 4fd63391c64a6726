/**
 * Substitution format strings as plain data. Follows config.core.v3.SubstitutionFormatString.
 */
import type { Json } from './route.ts';

export interface FormatConfig {
  body: { kind: 'text'; text: string } | { kind: 'json'; json: Json };
  omitEmptyValues: boolean;
  contentType: string;
  /** json_format_options.sort_properties. */
  sortProperties: boolean;
}
