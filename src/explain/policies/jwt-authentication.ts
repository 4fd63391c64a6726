/**
 * Tokens: which requirement holds for a request, and whether it brings what is asked. Tokens are not verified.
 * Follows envoy.extensions.filters.http.jwt_authn.v3 and RFC 6750.
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { answer } from '#explain/local-answer.ts';
import type { Policy } from '#explain/policies/judge.ts';
import { matchHeader, matchString } from '#explain/policies/match-parts.ts';
import { every, no, some, unknown, type Verdict, YES } from '#explain/policies/verdict.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';

export const jwtAuthentication: Policy = (config, request, reader) => {
  if (reader.flag(config, 'bypass_cors_preflight') && isPreflight(request)) return [];
  const rule = reader.objects(config, 'rules').find((each) => matches(reader.object(each, 'match'), request, reader));
  if (rule === undefined) return [];
  const named = reader.text(rule, 'requirement_name');
  const requirement = reader.object(rule, 'requires') ?? reader.object(reader.object(config, 'requirement_map'), named);
  if (requirement === undefined) return [];
  const verdict = required(requirement, config, request, reader);
  const words = `requires ${describe(requirement, config, reader)}`;
  if (verdict.holds === true) return [{ outcome: 'allows', why: `${words}; the request needs none` }];
  if (verdict.holds === undefined) return [{ outcome: 'depends', why: `${words}; ${verdict.why}` }];
  const response = answer(401, 'jwt_authn_access_denied{Jwt_is_missing}', 'Jwt is missing');
  return [{ outcome: 'denies', why: `${words}; ${verdict.why}`, response }];
};

function isPreflight({ method, headers }: RequestUnderWay): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
}

function matches(match: JsonObject | undefined, request: RequestUnderWay, reader: DumpReader): boolean {
  const path = request.path.replace(/[?#].*$/s, '');
  const prefix = reader.text(match, 'prefix');
  const exact = reader.text(match, 'path');
  const regex = reader.object(match, 'safe_regex');
  if (prefix !== '' && !path.startsWith(prefix)) return false;
  if (exact !== '' && path !== exact) return false;
  if (regex !== undefined && matchString({ safe_regex: regex }, path, 'path').holds !== true) return false;
  return reader.objects(match, 'headers').every((header) => matchHeader(header, request).holds !== false);
}

function required(requirement: JsonObject, config: JsonObject, request: RequestUnderWay, reader: DumpReader): Verdict {
  const inside = (name: string) =>
    reader
      .objects(reader.object(requirement, name), 'requirements')
      .map((each) => required(each, config, request, reader));
  if (reader.has(requirement, 'requires_any')) return some(inside('requires_any'));
  if (reader.has(requirement, 'requires_all')) return every(inside('requires_all'));
  if (reader.has(requirement, 'allow_missing_or_failed')) return YES;
  if (reader.has(requirement, 'allow_missing')) {
    return hasToken(config, undefined, request, reader) ? unknown('a token that is there has to be good') : YES;
  }
  const provider = providerOf(requirement, reader);
  return hasToken(config, provider, request, reader)
    ? unknown(`the token of ${provider} has to be good`)
    : no(`the request has no token of ${provider}`);
}

function providerOf(requirement: JsonObject, reader: DumpReader): string {
  const name = reader.text(requirement, 'provider_name');
  return name === '' ? reader.text(reader.object(requirement, 'provider_and_audiences'), 'provider_name') : name;
}

/** @param provider undefined: of any. */
function hasToken(
  config: JsonObject,
  provider: string | undefined,
  request: RequestUnderWay,
  reader: DumpReader,
): boolean {
  const providers = reader.object(config, 'providers') ?? {};
  const names = provider === undefined ? Object.keys(providers) : [provider];
  return names.some((name) => bringsToken(reader.object(providers, name), request, reader));
}

function bringsToken(
  provider: JsonObject | undefined,
  { headers, path }: RequestUnderWay,
  reader: DumpReader,
): boolean {
  const fields = reader.objects(provider, 'from_headers');
  const params = reader.texts(provider, 'from_params');
  const cookies = reader.texts(provider, 'from_cookies');
  const query = new URLSearchParams(/\?([^#]*)/.exec(path)?.[1] ?? '');
  const defaults = fields.length + params.length + cookies.length === 0;
  const bearer = /^bearer /i.test(headers.get('authorization') ?? '');
  if (defaults) return bearer || query.has('access_token');
  return (
    fields.some((field) =>
      headers.get(reader.text(field, 'name').toLowerCase())?.includes(reader.text(field, 'value_prefix')),
    ) ||
    params.some((name) => query.has(name)) ||
    cookies.some((name) => new RegExp(`(^|;\\s*)${RegExp.escape(name)}=`).test(headers.joined('cookie') ?? ''))
  );
}

function describe(requirement: JsonObject, config: JsonObject, reader: DumpReader): string {
  const inside = (name: string, word: string) =>
    `(${reader
      .objects(reader.object(requirement, name), 'requirements')
      .map((each) => describe(each, config, reader))
      .join(word)})`;
  if (reader.has(requirement, 'requires_any')) return inside('requires_any', ' or ');
  if (reader.has(requirement, 'requires_all')) return inside('requires_all', ' and ');
  if (reader.has(requirement, 'allow_missing_or_failed')) return 'nothing';
  if (reader.has(requirement, 'allow_missing')) return 'no token, or a good one';
  const name = providerOf(requirement, reader);
  const issuer = reader.text(reader.object(reader.object(config, 'providers'), name), 'issuer');
  return `a token of ${name}${issuer === '' ? '' : ` (issuer ${issuer})`}`;
}
