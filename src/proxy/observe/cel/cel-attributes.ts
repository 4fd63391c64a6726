/**
 * A stream's attributes, for expressions: each is made when it is asked for. Absent ones are undefined, which expressions see as a field
 * that is not there.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */
import type { CelInput } from '@bufbuild/cel';
import { create } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import type { CEL_ATTRIBUTES } from '#config/syntax/cel-attributes.ts';
import { celLibrary } from '#config/syntax/cel-library.ts';
import { grpcStatus } from '#proxy/observe/access-log/grpc-status.ts';
import { CelHeaders } from '#proxy/observe/cel/cel-headers.ts';
import type { StreamInfo, TlsInfo } from '#proxy/observe/stream-info.ts';
import { decodeUtf8 } from '#selection/utf8-text.ts';

export type CelAttribute = (info: StreamInfo) => CelInput | undefined;

type Roots = typeof CEL_ATTRIBUTES;
type TlsName = Exclude<Extract<Roots['connection'][number], Roots['upstream'][number]>, 'transport_failure_reason'>;

const MILLISECONDS = 1000;
const NANOSECONDS = 1_000_000;

const text = (bytes: string | undefined) => (bytes === undefined || bytes === '' ? undefined : decodeUtf8(bytes));
const whole = (number: number) => BigInt(Math.trunc(number));

const request: Record<Roots['request'][number], CelAttribute> = {
  path: (info) => text(info.path),
  url_path: ({ path }) => decodeUtf8(path.split('?', 1)[0]),
  query: ({ path }) => (path.includes('?') ? decodeUtf8(path.slice(path.indexOf('?') + 1).split('#', 1)[0]) : ''),
  host: (info) => text(info.host),
  scheme: (info) => text(info.scheme),
  method: (info) => text(info.method),
  headers: (info) => new CelHeaders(info.requestHeaders, info),
  headers_bytes: (info) => BigInt(requestHeaderBytes(info)),
  referer: (info) => text(info.requestHeaders.get('referer')),
  useragent: (info) => text(info.requestHeaders.get('user-agent')),
  time: ({ startTime }) => create(TimestampSchema, parts(startTime)),
  id: (info) => text(info.requestHeaders.get('x-request-id')),
  protocol: (info) => text(info.protocol),
  duration: ({ marks }) => duration(marks.start, marks.complete),
  size: ({ requestHeaders, bytesReceived }) => {
    const length = requestHeaders.get('content-length');
    if (length === undefined) return whole(bytesReceived);
    return /^\d{1,18}$/.test(length) ? BigInt(length) : undefined;
  },
  total_size: (info) => BigInt(info.bytesReceived + requestHeaderBytes(info)),
};

const response: Record<Roots['response'][number], CelAttribute> = {
  code: ({ responseCode }) => (responseCode === 0 ? undefined : BigInt(responseCode)),
  code_details: (info) => text(info.responseCodeDetails),
  flags: ({ flags }) => BigInt(flags),
  grpc_status: (info) => {
    const status = grpcStatus(info);
    return status === undefined ? undefined : BigInt(status);
  },
  headers: (info) => new CelHeaders(info.responseHeaders),
  headers_bytes: (info) => BigInt(info.responseHeaders.byteSize()),
  trailers: (info) => new CelHeaders(info.responseTrailers),
  size: ({ bytesSent }) => whole(bytesSent),
  total_size: ({ bytesSent, responseHeaders, responseTrailers }) =>
    BigInt(bytesSent + responseHeaders.byteSize() + (responseTrailers?.byteSize() ?? 0)),
  backend_latency: ({ marks }) => duration(marks.firstUpstreamTxByte, marks.lastUpstreamRxByte),
};

const connection: Record<Roots['connection'][number], CelAttribute> = {
  mtls: ({ connection }) => connection.tls?.peerPresented === true,
  requested_server_name: ({ connection }) => connection.requestedServerName,
  id: ({ connection }) => celLibrary().celUint(BigInt(connection.id)),
  termination_details: (info) => text(info.connectionTerminationDetails),
  transport_failure_reason: ({ connection }) => text(connection.transportFailureReason),
  ...tlsAttributes((info) => info.connection.tls),
};

const upstream: Record<Roots['upstream'][number], CelAttribute> = {
  address: (info) => text(info.upstream?.host),
  port: (info) => port(info.upstream?.host),
  local_address: (info) => text(info.upstream?.localAddress),
  locality: (info) => {
    const locality = info.upstream?.locality;
    return locality && { region: locality.region, zone: locality.zone, sub_zone: locality.subZone };
  },
  transport_failure_reason: (info) => info.upstream?.transportFailureReason,
  request_attempt_count: (info) => celLibrary().celUint(BigInt(info.attemptCount)),
  ...tlsAttributes((info) => info.upstream?.tls),
};

const xds: Record<Roots['xds'][number], CelAttribute> = {
  cluster_name: (info) => text(info.clusterName),
  route_name: (info) => info.route?.name,
  route_metadata: ({ route }) => route && metadata(route.metadata),
  virtual_host_name: (info) => info.virtualHost?.name,
  virtual_host_metadata: ({ virtualHost }) => virtualHost && metadata(virtualHost.metadata),
  upstream_host_metadata: ({ upstream }) => upstream && metadata(upstream.hostMetadata),
  filter_chain_name: ({ connection }) => connection.filterChainName,
  listener_metadata: ({ connection }) => metadata(connection.listenerMetadata),
};

/** Each variable's attributes by their names. */
export const celAttributes: Record<keyof Roots, Record<string, CelAttribute>> = {
  request,
  response,
  connection,
  upstream,
  source: { address: (info) => text(remoteAddress(info)), port: (info) => port(remoteAddress(info)) },
  destination: {
    address: ({ connection }) => text(connection.localAddress),
    port: ({ connection }) => port(connection.localAddress),
  },
  xds,
};

/** A Metadata message as expressions see it: without entries it has no field that is set. */
export function metadata(given: Record<string, unknown> = {}): CelInput {
  return (Object.keys(given).length === 0 ? {} : { filter_metadata: given }) as CelInput;
}

function tlsAttributes(of: (info: StreamInfo) => TlsInfo | undefined): Record<TlsName, CelAttribute> {
  return {
    tls_version: (info) => of(info)?.version,
    subject_local_certificate: (info) => of(info)?.local.subject,
    subject_peer_certificate: (info) => of(info)?.peer.subject,
    uri_san_local_certificate: (info) => of(info)?.local.uriSans[0],
    uri_san_peer_certificate: (info) => of(info)?.peer.uriSans[0],
    dns_san_local_certificate: (info) => of(info)?.local.dnsSans[0],
    dns_san_peer_certificate: (info) => of(info)?.peer.dnsSans[0],
    sha256_peer_certificate_digest: (info) => text(of(info)?.peer.sha256),
  } as Record<TlsName, CelAttribute>;
}

/** Requests that are refused before their headers are looked at come from the connection's peer. */
function remoteAddress({ remoteAddress, connection }: StreamInfo): string {
  return remoteAddress === '' ? connection.directRemoteAddress : remoteAddress;
}

/** Envoy counts the request line's parts as headers. */
function requestHeaderBytes({ requestHeaders, method, path, host, scheme }: StreamInfo): number {
  const pseudo = { ':method': method, ':path': path, ':authority': host, ':scheme': scheme };
  return Object.entries(pseudo).reduce(
    (sum, [name, value]) => (value === '' ? sum : sum + name.length + value.length),
    requestHeaders.byteSize(),
  );
}

/** The port of an address that has one: unix sockets have none. */
function port(address: string | undefined): CelInput | undefined {
  const found = /:(\d+)$/.exec(address ?? '');
  return found === null || address?.startsWith('/') ? undefined : BigInt(found[1]);
}

/** @param from marks in milliseconds; below 0: has not happened. */
function duration(from: number, to: number): CelInput | undefined {
  return from < 0 || to < 0 ? undefined : create(DurationSchema, parts(Math.max(0, to - from)));
}

function parts(milliseconds: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(milliseconds / MILLISECONDS);
  return { seconds: BigInt(seconds), nanos: Math.floor((milliseconds - seconds * MILLISECONDS) * NANOSECONDS) };
}
