/**
 * Inputs of the generic matching API: how each is read from a request or a connection.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/matching/matching_api (inputs).
 */
import type { MatchInput } from '#config/model/matcher-tree.ts';
import { isLoopback, parseIp, sameIp } from '#selection/ip-range.ts';
import { cookieValue } from '#selection/match-cookie.ts';
import { headerOfRequest } from '#selection/match-header.ts';
import { metadataAt } from '#selection/match-metadata.ts';
import { queryParameter } from '#selection/match-query.ts';
import type { InputReader } from '#selection/matcher-tree.ts';
import type { ConnectionView, RequestView } from '#selection/request-view.ts';

/** @throws for an input that is not ours: the configuration is checked before. */
export function requestInput(input: MatchInput): InputReader<RequestView> {
  switch (input.kind) {
    case 'HttpRequestHeaderMatchInput':
      return headerOfRequest(input.key.toLowerCase());
    case 'HttpRequestQueryParamMatchInput':
      return (request) => decoded(queryParameter(request.path, input.key));
    case 'HttpRequestCookieMatchInput':
      return (request) => cookieValue(request.headers, input.key);
    case 'DynamicMetadataInput':
      return (request) => text(metadataAt(request.dynamicMetadata, input.filter ?? '', input.path ?? []));
    case 'FilterStateInput':
      return (request) => text(request.filterState?.get(input.key));
    default: {
      const read = connectionInput(input);
      return (request) => read(request.connection);
    }
  }
}

/** @throws for an input that is not ours: the configuration is checked before. */
export function connectionInput(input: MatchInput): InputReader<ConnectionView> {
  switch (input.kind) {
    case 'DestinationIPInput':
      return (connection) => connection.destinationAddress;
    case 'DestinationPortInput':
      return (connection) => String(connection.destinationPort);
    case 'SourceIPInput':
      return (connection) => connection.sourceAddress;
    case 'SourcePortInput':
      return (connection) => String(connection.sourcePort);
    case 'DirectSourceIPInput':
      return (connection) => connection.directSourceAddress;
    case 'FilterStateInput':
      return (connection) => text(connection.filterState?.get(input.key));
    case 'SourceTypeInput':
      return (connection) => (isLocal(connection) ? 'local' : undefined);
    case 'ServerNameInput':
      return (connection) => some(connection.serverName);
    case 'TransportProtocolInput':
      return (connection) => some(connection.transportProtocol);
    case 'ApplicationProtocolInput':
      return ({ applicationProtocols: names }) =>
        names.length === 0 ? undefined : names.map((name) => `'${name}'`).join(',');
    default:
      throw new Error(`no matching input ${input.kind}`);
  }
}

/** Whether both ends are on this machine, as far as the addresses tell: a unix socket, loopback, or one address at both ends. */
export function isLocal({ sourceAddress, destinationAddress }: ConnectionView): boolean {
  const source = parseIp(sourceAddress);
  if (source === undefined || isLoopback(source)) return true;
  const destination = parseIp(destinationAddress);
  return destination !== undefined && sameIp(source, destination);
}

function some(value: string): string | undefined {
  return value === '' ? undefined : value;
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

function decoded(value: string | undefined): string | undefined {
  return value?.replace(/%([0-9A-Fa-f]{2})/g, (_escape, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
