/**
 * Format strings as far as a request alone can fill them: operators whose value is known are replaced, the others stay as they are written.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import type { RequestUnderWay } from '#explain/request-under-way.ts';
import { encodeUtf8 } from '#selection/utf8-text.ts';

/** What is known besides the request. */
export interface FormatFacts {
  route: string;
  /** Empty where the request goes to none. */
  cluster: string;
}

const OPERATOR = /%%|%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/g;

/**
 * @param empty stands for an operator that has nothing to say.
 * @returns the text with what is known in place, one character a byte.
 */
export function fillOperators(format: string, request: RequestUnderWay, facts: FormatFacts, empty: string): string {
  return encodeUtf8(format).replace(OPERATOR, (whole: string, name?: string, argument?: string, length?: string) => {
    if (name === undefined) return '%';
    const value = knownValue(name, argument ?? '', request, facts);
    if (value === undefined) return whole;
    if (value === NOTHING) return empty;
    return length === undefined ? value : value.slice(0, Number(length));
  });
}

/** The operator has nothing to say, which is not an empty text. */
const NOTHING = null;

/** @returns undefined for what only a request under way can tell. */
function knownValue(
  name: string,
  argument: string,
  request: RequestUnderWay,
  facts: FormatFacts,
): string | typeof NOTHING | undefined {
  const { connection } = request;
  switch (name) {
    case 'REQ':
    case 'REQUEST_HEADER':
      return headerOf(argument, request);
    case 'PROTOCOL':
      return 'HTTP/1.1';
    case 'ROUTE_NAME':
      return facts.route || NOTHING;
    case 'UPSTREAM_CLUSTER':
    case 'UPSTREAM_CLUSTER_RAW':
      return facts.cluster || NOTHING;
    case 'REQUESTED_SERVER_NAME':
      return connection.serverName || NOTHING;
    case 'DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT':
      return request.client;
    case 'DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT':
      return connection.directSourceAddress;
    case 'DOWNSTREAM_LOCAL_PORT':
      return String(connection.destinationPort);
    case 'DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT':
      return connection.destinationAddress === '' ? undefined : connection.destinationAddress;
    default:
      return undefined;
  }
}

/** `NAME?OTHER`: the first, or the other where that is not there. Of several fields of one name, the first alone is told. */
function headerOf(argument: string, request: RequestUnderWay): string | typeof NOTHING {
  for (const name of argument.toLowerCase().split('?')) {
    const value = fieldOf(name, request);
    if (value !== undefined) return value;
  }
  return NOTHING;
}

function fieldOf(name: string, request: RequestUnderWay): string | undefined {
  switch (name) {
    case ':method':
      return request.method;
    case ':path':
      return request.path;
    case ':authority':
    case 'host':
      return request.host;
    case ':scheme':
      return request.scheme;
    default:
      return request.headers.get(name);
  }
}
