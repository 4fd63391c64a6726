/**
 * Sizes in bytes: of bodies, of headers, and of all that went over the wire.
 */
import { countOf, type OperatorTable } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

const downstreamHeadersReceived = countOf((info) => info.downstreamHeaderBytesReceived);
const downstreamHeadersSent = countOf((info) => info.downstreamHeaderBytesSent);
const upstreamHeadersReceived = countOf((info) => info.upstreamHeaderBytesReceived);
const upstreamHeadersSent = countOf((info) => info.upstreamHeaderBytesSent);

export const sizeOperators: OperatorTable = {
  BYTES_RECEIVED: countOf((info) => info.bytesReceived),
  BYTES_SENT: countOf((info) => info.bytesSent),
  DOWNSTREAM_WIRE_BYTES_RECEIVED: countOf((info) => info.downstreamWireBytesReceived),
  DOWNSTREAM_WIRE_BYTES_SENT: countOf((info) => info.downstreamWireBytesSent),
  DOWNSTREAM_HEADER_BYTES_RECEIVED: downstreamHeadersReceived,
  DOWNSTREAM_HEADER_BYTES_SENT: downstreamHeadersSent,
  UPSTREAM_WIRE_BYTES_RECEIVED: countOf((info) => info.upstreamWireBytesReceived),
  UPSTREAM_WIRE_BYTES_SENT: countOf((info) => info.upstreamWireBytesSent),
  UPSTREAM_HEADER_BYTES_RECEIVED: upstreamHeadersReceived,
  UPSTREAM_HEADER_BYTES_SENT: upstreamHeadersSent,
  // HTTP/1 does not compress headers.
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: downstreamHeadersReceived,
  DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: downstreamHeadersSent,
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED: upstreamHeadersReceived,
  UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT: upstreamHeadersSent,
  REQUEST_HEADERS_BYTES: countOf(requestHeadersSize),
  RESPONSE_HEADERS_BYTES: countOf(responseHeadersSize),
  RESPONSE_TRAILERS_BYTES: countOf((info) => info.responseTrailers?.byteSize() ?? 0),
  // Counted for QUIC alone.
  BYTES_RETRANSMITTED: countOf(() => 0),
  PACKETS_RETRANSMITTED: countOf(() => 0),
};

/** With the pseudo headers that are there. */
function requestHeadersSize(info: StreamInfo): number {
  if (info.method === '') return 0;
  return (
    info.requestHeaders.byteSize() +
    field(':method', info.method) +
    field(':path', info.path) +
    field(':authority', info.host) +
    field(':scheme', info.scheme)
  );
}

function responseHeadersSize(info: StreamInfo): number {
  return info.responseHeaders.byteSize() + (info.responseCode === 0 ? 0 : ':status'.length + 3);
}

function field(name: string, value: string): number {
  return value === '' ? 0 : name.length + value.length;
}
