/**
 * Operators that read the target of the request: PATH, QUERY_PARAM, QUERY_PARAMS, and the server name that was asked for.
 */
import { type OperatorTable, type TextOf, textOperator } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export const requestOperators: OperatorTable = {
  PATH: {
    params: 'optional',
    length: true,
    compile(argument, maxLength) {
      const { first: query, second: source } = twoOptions(argument);
      const withQuery = choice('PATH', query, { '': true, WQ: true, NQ: false }, "'WQ'/'NQ'");
      const read = choice(
        'PATH',
        source,
        { '': originalPathOrPath, ORIG_OR_PATH: originalPathOrPath, ORIG: originalPath, PATH: path },
        "'ORIG'/'PATH'/'ORIG_OR_PATH'",
      );
      return textOperator(withQuery ? read : (info) => withoutQuery(read(info)), maxLength);
    },
  },
  QUERY_PARAM: {
    params: 'required',
    length: true,
    compile: (name, maxLength) => textOperator((info) => queryParameter(info.path, name), maxLength),
  },
  QUERY_PARAMS: {
    params: 'optional',
    length: true,
    compile(argument, maxLength) {
      const decoded = choice('QUERY_PARAMS', argument, { '': false, ORIG: false, DECODED: true }, "'ORIG'/'DECODED'");
      return textOperator((info) => queryOf(info, decoded), maxLength);
    },
  },
  REQUESTED_SERVER_NAME: {
    params: 'optional',
    length: false,
    compile(argument) {
      const name = 'REQUESTED_SERVER_NAME';
      const { first: order, second: source } = twoOptions(argument);
      const host = choice(
        name,
        source,
        { '': originalHostOrHost, ORIG_OR_HOST: originalHostOrHost, ORIG: originalHost, HOST: hostOf },
        "'ORIG_OR_HOST'/'HOST'/'ORIG'",
      );
      const orders: { readonly [order: string]: TextOf } = {
        '': serverName,
        SNI_ONLY: serverName,
        SNI_FIRST: (info) => serverName(info) ?? host(info),
        HOST_FIRST: (info) => host(info) ?? serverName(info),
      };
      return textOperator(choice(name, order, orders, "'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST'"));
    },
  },
};

/** Whatever follows the second is passed over, as by Envoy. */
function twoOptions(argument: string): { first: string; second: string } {
  const [first = '', second = ''] = argument.split(':');
  return { first, second };
}

function choice<Value>(
  name: string,
  option: string,
  values: { readonly [option: string]: Value },
  allowed: string,
): Value {
  if (!Object.hasOwn(values, option)) {
    throw new Error(`Invalid ${name} option: '${option}', only ${allowed} are allowed`);
  }
  return values[option];
}

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
