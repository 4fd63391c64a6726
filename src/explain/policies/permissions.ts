/**
 * What a policy lets be done. Follows envoy.config.rbac.v3.Permission.
 */
import { pathTemplatePattern } from '#config/syntax/path-template.ts';
import { type DumpReader, isObject, type JsonObject } from '#dump/dump-reader.ts';
import { matchHeader, matchIp, matchString } from '#explain/policies/match-parts.ts';
import { every, no, not, some, unknown, type Verdict, YES } from '#explain/policies/verdict.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { pathEnd } from '#selection/path-match.ts';
import { fullMatcher } from '#selection/regex.ts';

export function permits(permission: JsonObject, request: RequestUnderWay, reader: DumpReader): Verdict {
  const { connection } = request;
  const all = (name: string) =>
    reader.objects(reader.object(permission, name), 'rules').map((each) => permits(each, request, reader));
  if (reader.has(permission, 'any')) return reader.flag(permission, 'any') ? YES : no('nothing is meant');
  if (reader.has(permission, 'and_rules')) return every(all('and_rules'));
  if (reader.has(permission, 'or_rules')) return some(all('or_rules'));
  const negated = reader.object(permission, 'not_rule');
  if (negated !== undefined) return not(permits(negated, request, reader), wordsOf(negated));
  const header = reader.object(permission, 'header');
  if (header !== undefined) return matchHeader(header, request);
  const path = reader.object(permission, 'url_path');
  if (path !== undefined) return matchString(reader.object(path, 'path'), pathOf(request), 'path');
  const template = reader.object(permission, 'uri_template');
  if (template !== undefined) return matchTemplate(reader.object(template, 'typed_config'), request, reader);
  if (reader.has(permission, 'destination_port')) {
    const port = reader.number(permission, 'destination_port');
    const own = connection.destinationPort;
    return own === port ? YES : no(`port: expected ${port}, it is ${own}`);
  }
  const range = reader.object(permission, 'destination_port_range');
  if (range !== undefined) {
    const [start, end] = [reader.number(range, 'start'), reader.number(range, 'end')];
    const own = connection.destinationPort;
    return own >= start && own < end ? YES : no(`port: expected ${start} to ${end - 1}, it is ${own}`);
  }
  const ip = reader.object(permission, 'destination_ip');
  if (ip !== undefined) return matchIp(ip, connection.destinationAddress, 'destination', reader);
  const name = reader.object(permission, 'requested_server_name');
  if (name !== undefined) return matchString(name, connection.serverName, 'server name');
  return unknown(wordsOf(permission));
}

function pathOf({ path }: RequestUnderWay): string {
  return path.slice(0, pathEnd(path));
}

function matchTemplate(config: JsonObject | undefined, request: RequestUnderWay, reader: DumpReader): Verdict {
  const template = reader.text(config, 'path_template');
  try {
    const { pattern } = pathTemplatePattern(template);
    return fullMatcher(pattern)(pathOf(request))
      ? YES
      : no(`path: expected ${template}, it is ${JSON.stringify(pathOf(request))}`);
  } catch {
    return unknown(`the path template '${template}' is not understood`);
  }
}

/** The rule itself, where there are no better words. */
export function wordsOf(rule: JsonObject): string {
  const [inner] = Object.values(rule);
  const [only, ...more] =
    isObject(inner) && Array.isArray(inner.rules ?? inner.ids) ? ((inner.rules ?? inner.ids) as unknown[]) : [];
  if (more.length === 0 && isObject(only)) return wordsOf(only);
  return JSON.stringify(rule).slice(0, 200);
}
