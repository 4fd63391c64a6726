/**
 * What the hash policies of a route, or of its cluster, make of a request: the number by which consistent hashing chooses its host.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/route_matching and
 * envoy.config.route.v3.RouteAction.HashPolicy
 */
import { combined, type Hash64, hexOf, xxHash64Text } from '#base/xx-hash.ts';
import type { HashPolicy } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { stripPort } from '#proxy/observe/format/operators/address-operators.ts';
import { cookieValue } from '#selection/match-cookie.ts';
import { queryParameter } from '#selection/match-query.ts';
import { replacer } from '#selection/regex.ts';

type Source = (stream: HttpStream) => Hash64 | undefined;

interface CompiledPolicy {
  source: Source;
  terminal: boolean;
}

const compiled = new WeakMap<readonly HashPolicy[], readonly CompiledPolicy[]>();

/** @returns undefined where no policy finds anything: then any host will do */
export function hashKeyOf(stream: HttpStream): Hash64 | undefined {
  const action = stream.selected?.config.action;
  if (action?.kind !== 'route') return undefined;
  const configured = stream.cluster?.http.hashPolicy ?? action.hashPolicy;
  if (configured.length === 0) return undefined;
  let policies = compiled.get(configured);
  if (policies === undefined) {
    policies = configured.map(({ source, terminal }) => ({ source: compileSource(source), terminal }));
    compiled.set(configured, policies);
  }
  let hash: Hash64 | undefined;
  for (const { source, terminal } of policies) {
    const next = source(stream);
    if (next !== undefined) hash = combined(hash, next);
    if (terminal && hash !== undefined) break;
  }
  return hash;
}

function compileSource(source: HashPolicy['source']): Source {
  switch (source.kind) {
    case 'header':
      return headerSource(source);
    case 'cookie':
      return cookieSource(source);
    case 'source_ip':
      return ({ remoteAddress }) =>
        remoteAddress.startsWith('/') || remoteAddress === '' ? undefined : xxHash64Text(stripPort(remoteAddress));
    case 'query_parameter':
      return ({ path }) => hashed(queryParameter(path, source.name));
    case 'filter_state':
      return ({ filterState }) => {
        const value = filterState?.get(source.key);
        return typeof value === 'string' ? xxHash64Text(value) : undefined;
      };
  }
}

function hashed(text: string | undefined): Hash64 | undefined {
  return text === undefined ? undefined : xxHash64Text(text);
}

/** Several fields of one name hash to the same in whatever order they come. */
function headerSource({ name, regexRewrite }: Extract<HashPolicy['source'], { kind: 'header' }>): Source {
  const rewrite =
    regexRewrite === undefined ? (text: string) => text : replacer(regexRewrite.regex, regexRewrite.substitution);
  return ({ requestHeaders, host, path, method, scheme }) => {
    const pseudo = { ':authority': host, ':path': path, ':method': method, ':scheme': scheme }[name];
    const values: string[] = pseudo === undefined ? [] : [pseudo];
    requestHeaders.some(name, (value) => {
      values.push(value);
      return false;
    });
    if (values.length === 0) return undefined;
    if (values.length === 1) return xxHash64Text(rewrite(values[0]));
    let hash: Hash64 | undefined;
    for (const value of values.map(rewrite).sort()) hash = xxHash64Text(value, hash);
    return hash;
  };
}

/** A client without the cookie gets one, where a time to live is configured. It is the same for all requests of a connection. */
function cookieSource(source: Extract<HashPolicy['source'], { kind: 'cookie' }>): Source {
  return (stream) => {
    const value = cookieValue(stream.requestHeaders, source.name);
    if (value !== undefined && value !== '') return xxHash64Text(value);
    if (source.ttl === undefined) return undefined;
    const { connection } = stream;
    const made = hexOf(xxHash64Text(connection.remoteAddress + connection.localAddress));
    const text = cookieText(source, made);
    stream.cookiesToSet ??= [];
    // Each try asks again.
    if (!stream.cookiesToSet.includes(text)) stream.cookiesToSet.push(text);
    return xxHash64Text(made);
  };
}

function cookieText(
  { name, ttl = 0, path, attributes }: Extract<HashPolicy['source'], { kind: 'cookie' }>,
  value: string,
): string {
  const seconds = Math.floor(ttl / 1000);
  return [
    `${name}="${value}"`,
    ...(seconds > 0 ? [`Max-Age=${seconds}`] : []),
    ...(path === '' ? [] : [`Path=${path}`]),
    ...attributes.map((attribute) =>
      attribute.value === '' ? attribute.name : `${attribute.name}=${attribute.value}`,
    ),
    'HttpOnly',
  ].join('; ');
}
