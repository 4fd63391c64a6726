/**
 * Whom a policy means. Follows envoy.config.rbac.v3.Principal.
 */
import type { DumpReader, JsonObject } from '#dump/dump-reader.ts';
import { matchHeader, matchIp, matchString } from '#explain/policies/match-parts.ts';
import { wordsOf } from '#explain/policies/permissions.ts';
import { every, no, not, some, unknown, type Verdict, YES } from '#explain/policies/verdict.ts';
import type { RequestUnderWay } from '#explain/request-under-way.ts';

export function isPrincipal(principal: JsonObject, request: RequestUnderWay, reader: DumpReader): Verdict {
  const all = (name: string) =>
    reader.objects(reader.object(principal, name), 'ids').map((each) => isPrincipal(each, request, reader));
  if (reader.has(principal, 'any')) return reader.flag(principal, 'any') ? YES : no('nobody is meant');
  if (reader.has(principal, 'and_ids')) return every(all('and_ids'));
  if (reader.has(principal, 'or_ids')) return some(all('or_ids'));
  const negated = reader.object(principal, 'not_id');
  if (negated !== undefined) return not(isPrincipal(negated, request, reader), wordsOf(negated));
  const authenticated = reader.object(principal, 'authenticated');
  if (authenticated !== undefined) return hasIdentity(authenticated, request, reader);
  const header = reader.object(principal, 'header');
  if (header !== undefined) return matchHeader(header, request);
  const path = reader.object(principal, 'url_path');
  if (path !== undefined) return matchString(reader.object(path, 'path'), request.path.replace(/[?#].*$/s, ''), 'path');
  for (const [field, address] of addressesOf(request)) {
    const range = reader.object(principal, field);
    if (range !== undefined) return matchIp(range, address, 'source', reader);
  }
  const metadata = reader.object(principal, 'metadata');
  if (metadata !== undefined) return unknown(metadataWords(metadata, reader));
  return unknown(wordsOf(principal));
}

function addressesOf({ connection, client }: RequestUnderWay): [field: string, address: string][] {
  return [
    ['source_ip', connection.sourceAddress],
    ['direct_remote_ip', connection.directSourceAddress],
    ['remote_ip', client],
  ];
}

/** Without a name, TLS alone will do, as for Envoy. */
function hasIdentity(authenticated: JsonObject, { peer, connection }: RequestUnderWay, reader: DumpReader): Verdict {
  if (connection.tls === undefined) return no('the client shows no identity of the mesh (--peer)');
  const name = reader.object(authenticated, 'principal_name');
  if (name === undefined) return YES;
  // Certificates of the mesh have an empty subject, which is a name as well.
  const bySubject = matchString(name, '', 'identity of the client');
  return bySubject.holds || peer === undefined ? bySubject : matchString(name, peer, 'identity of the client');
}

/** What a token says is known when there is one. */
function metadataWords(metadata: JsonObject, reader: DumpReader): string {
  const filter = reader.text(metadata, 'filter');
  const keys = reader.objects(metadata, 'path').map((step) => reader.text(step, 'key'));
  const value = JSON.stringify(metadata.value);
  if (filter.endsWith('jwt_authn')) return `the token's claim ${keys.slice(1).join('.')} matches ${value}`;
  return `metadata ${filter} ${keys.join('.')} matches ${value}`;
}
