/**
 * What a route matches, in istioctl's short form: paths alone.
 * Follows envoy.config.route.v3.RouteMatch.
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';

export function describeMatch(match: JsonObject | undefined, reader: DumpReader): string {
  const words: string[] = [];
  const prefix = reader.text(match, 'prefix');
  if (prefix !== '') words.push(`${prefix}*`);
  const separated = reader.text(match, 'path_separated_prefix');
  if (separated !== '') words.push(`PathPrefix:${separated}`);
  const path = reader.text(match, 'path');
  if (path !== '') words.push(path);
  const regex = reader.object(match, 'safe_regex');
  if (regex !== undefined) words.push(`regex ${reader.text(regex, 'regex')}`);
  return words.join(' ');
}
