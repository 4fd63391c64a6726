/** A stream as logs, filters and formats see it: nothing has happened to it but what a test says. */
import {
  type ConnectionInfo,
  newMarks,
  type StreamInfo,
  type StreamMarks,
  type UpstreamInfo,
} from '#proxy/observe/stream-info.ts';
import { Headers } from '#wire/headers.ts';

type Given = Partial<
  Omit<StreamInfo, 'marks' | 'connection' | 'upstream' | `${string}Headers` | `${string}Trailers`>
> & {
  marks?: Partial<StreamMarks>;
  connection?: Partial<ConnectionInfo>;
  upstream?: Partial<UpstreamInfo>;
  requestHeaders?: Record<string, string>;
  responseHeaders?: Record<string, string>;
  responseTrailers?: Record<string, string>;
};

export function headersOf(fields: Record<string, string> = {}): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) headers.add(name, value);
  return headers;
}

/** A `GET /` that was answered with 200, changed as given. */
export function streamInfo(given: Given = {}): StreamInfo {
  return {
    startTime: Date.UTC(2026, 0, 1),
    protocol: 'HTTP/1.1',
    upstreamProtocol: '',
    bytesReceived: 0,
    bytesSent: 0,
    downstreamHeaderBytesReceived: 0,
    downstreamHeaderBytesSent: 0,
    downstreamWireBytesReceived: 0,
    downstreamWireBytesSent: 0,
    upstreamHeaderBytesReceived: 0,
    upstreamHeaderBytesSent: 0,
    upstreamWireBytesReceived: 0,
    upstreamWireBytesSent: 0,
    responseCode: 200,
    responseCodeDetails: 'via_upstream',
    connectionTerminationDetails: '',
    flags: 0,
    method: 'GET',
    path: '/',
    host: 'example.test',
    scheme: 'http',
    originalPath: '',
    virtualClusterName: '',
    clusterName: '',
    remoteAddress: '10.0.0.1:1234',
    attemptCount: 1,
    streamId: 1,
    traceId: '',
    traced: false,
    healthCheck: false,
    accessLogType: 'DownstreamEnd',
    localReplyBody: '',
    random: 0,
    ...given,
    marks: { ...newMarks(0), ...given.marks },
    connection: { ...CONNECTION, ...given.connection },
    upstream: given.upstream && { ...UPSTREAM, ...given.upstream },
    requestHeaders: headersOf(given.requestHeaders),
    responseHeaders: headersOf(given.responseHeaders),
    responseTrailers: given.responseTrailers && headersOf(given.responseTrailers),
  };
}

const CONNECTION: ConnectionInfo = {
  id: 7,
  localAddress: '127.0.0.1:8000',
  directRemoteAddress: '127.0.0.1:1234',
  requestedServerName: '',
  filterChainName: '',
  listenerName: '',
  startMark: 0,
  tlsCompleteMark: -1,
  transportFailureReason: '',
  terminationDetails: '',
};

const UPSTREAM: UpstreamInfo = {
  host: '127.0.0.1:8081',
  hostname: 'upstream.test',
  hostMetadata: {},
  locality: { region: '', zone: '', subZone: '' },
  localAddress: '127.0.0.1:4321',
  remoteAddress: '127.0.0.1:8081',
  transportFailureReason: '',
  connectionId: 3,
};
