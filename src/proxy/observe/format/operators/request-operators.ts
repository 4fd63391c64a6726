/**
 * Operators that read the target of the request: PATH, QUERY_PARAM, QUERY_PARAMS, and the server name that was asked for.
 */
import { type OperatorTable, type TextOf, textOperator } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export const requestOperators: OperatorTable = {
  PATH(argument, maxLength) {
    const [query, source = ''] = argument.split(':');
    const read = paths[source];
    return textOperator(query === 'NQ' ? (info) => withoutQuery(read(info)) : read, maxLength);
  },
  QUERY_PARAM: (name, maxLength) => textOperator((info) => queryParameter(info.path, name), maxLength),
  QUERY_PARAMS: (argument, maxLength) => textOperator((info) => queryOf(info, argument === 'DECODED'), maxLength),
  REQUESTED_SERVER_NAME(argument) {
    const [order, source = ''] = argument.split(':');
    const host = hosts[source];
    if (order === 'SNI_FIRST') return textOperator((info) => serverName(info) ?? host(info));
    if (order === 'HOST_FIRST') return textOperator((info) => host(info) ?? serverName(info));
    return textOperator(serverName);
  },
};

/** Where the path comes from, by the option of PATH. */
const paths: { readonly [source: string]: TextOf } = {
  '': originalPathOrPath,
  ORIG_OR_PATH: originalPathOrPath,
  ORIG: originalPath,
  PATH: path,
};

/** Where the host comes from, by the option of REQUESTED_SERVER_NAME. */
const hosts: { readonly [source: string]: TextOf } = {
  '': originalHostOrHost,
  ORIG_OR_HOST: originalHostOrHost,
  ORIG: originalHost,
  HOST: hostOf,
};

function path(info: StreamInfo): string | undefined {
  return info.path === '' ? undefined : info.path;
}

function originalPath(info: StreamInfo): string | undefined {
  return info.requestHeaders.get('x-envoy-original-path');
}

function originalPathOrPath(info: StreamInfo): string | undefined {
  return originalPath(info) ?? path(info);
}

function hostOf(info: StreamInfo): string | undefined {
  return info.host === '' ? undefined : info.host;
}

function originalHost(info: StreamInfo): string | undefined {
  return info.requestHeaders.get('x-envoy-original-host');
}

function originalHostOrHost(info: StreamInfo): string | undefined {
  return originalHost(info) ?? hostOf(info);
}

function serverName(info: StreamInfo): string | undefined {
  const name = info.connection.requestedServerName;
  return name === '' ? undefined : name;
}

function withoutQuery(target: string | undefined): string | undefined {
  const at = target?.indexOf('?') ?? -1;
  return at < 0 ? target : target?.slice(0, at);
}

/** The query without its question mark; undefined where there is none. */
function queryOf(info: StreamInfo, decoded: boolean): string | undefined {
  const query = rawQuery(info.path);
  return query === undefined || !decoded ? query : percentDecoded(query);
}

function rawQuery(target: string): string | undefined {
  const at = target.indexOf('?');
  if (at < 0) return undefined;
  const end = target.indexOf('#', at);
  return end < 0 ? target.slice(at + 1) : target.slice(at + 1, end);
}

/** The value of the first parameter of that name, decoded. */
function queryParameter(target: string, name: string): string | undefined {
  const query = rawQuery(target);
  if (query === undefined) return undefined;
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    if (equals < 0 ? pair === name : equals === name.length && pair.startsWith(name)) {
      return equals < 0 ? '' : percentDecoded(pair.slice(equals + 1));
    }
  }
  return undefined;
}

/** Bytes for `%XX`; anything else stays as it is. */
function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
