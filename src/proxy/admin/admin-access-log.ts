/**
 * The access log of the admin API: its requests are seen as streams, as they are in Envoy, whose admin port has a connection manager.
 * Follows envoy.config.bootstrap.v3.Admin.access_log.
 */
import type { IncomingMessage } from 'node:http';
import type { AdminResponse } from '#proxy/admin/handler.ts';
import { HttpStream } from '#proxy/http/http-stream.ts';
import { type DownstreamConnection, hostPort } from '#proxy/listeners/downstream-connection.ts';
import type { AccessLogger } from '#proxy/observe/access-log/access-logger.ts';
import { Flag } from '#proxy/observe/response-flags.ts';
import type { ConnectionInfo } from '#proxy/observe/stream-info.ts';
import { nextConnectionId } from '#proxy/transport/connection-id.ts';
import { isLoopback, localAddress } from '#selection/local-address.ts';
import { Headers } from '#wire/headers.ts';

/** Notes a request that begins now. @returns what writes it down with its answer and the size of its body, or without one if the caller left. */
export function beginAdminRecord(
  request: IncomingMessage,
  logs: readonly AccessLogger[],
): (answered: AdminResponse | undefined, bytes: number) => void {
  if (logs.length === 0) return () => {};
  const stream = new HttpStream();
  const { socket } = request;
  stream.startTime = Date.now();
  stream.marks.start = performance.now();
  stream.method = request.method ?? '';
  stream.path = request.url ?? '';
  stream.host = request.headers.host ?? '';
  stream.scheme = 'http';
  stream.protocol = `HTTP/${request.httpVersion}`;
  stream.bytesReceived = Number(request.headers['content-length'] ?? 0);
  stream.requestHeaders = requestHeaders(request);
  stream.connection = connectionOf(socket) as DownstreamConnection;
  stream.remoteAddress = stream.connection.directRemoteAddress;
  return (answered, bytes) => {
    if (answered === undefined) stream.flags |= Flag.DownstreamConnectionTermination;
    else {
      stream.bytesSent = bytes;
      stream.responseCode = answered.status ?? 200;
      stream.responseCodeDetails = 'admin_filter_response';
      stream.responseHeaders.add('content-type', answered.contentType);
      stream.responseHeaders.add('cache-control', 'no-cache, max-age=0');
      stream.responseHeaders.add('x-content-type-options', 'nosniff');
      stream.responseHeaders.add('date', new Date().toUTCString());
      stream.responseHeaders.add('server', 'envoy');
    }
    stream.marks.complete = performance.now();
    stream.accessLogType = 'DownstreamEnd';
    for (const log of logs) log.log(stream);
  };
}

/** As a connection manager leaves them that trusts the peer's address. */
function requestHeaders({ rawHeaders, socket }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i].toLowerCase();
    if (name !== 'host') headers.add(name, rawHeaders[i + 1]);
  }
  const peer = socket.remoteAddress;
  if (peer !== undefined) {
    const before = headers.joined('x-forwarded-for');
    const told = isLoopback(peer) ? localAddress() : peer;
    headers.set('x-forwarded-for', before === undefined ? told : `${before},${told}`);
  }
  headers.set('x-forwarded-proto', 'http');
  return headers;
}

const connections = new WeakMap<object, ConnectionInfo>();

function connectionOf(socket: IncomingMessage['socket']): ConnectionInfo {
  let connection = connections.get(socket);
  if (connection === undefined) {
    const { localAddress: local = '', localPort = 0, remoteAddress: remote = '', remotePort = 0 } = socket;
    connection = {
      id: nextConnectionId(),
      localAddress: local === '' ? '' : hostPort(local, localPort),
      directRemoteAddress: remote === '' ? '' : hostPort(remote, remotePort),
      requestedServerName: '',
      filterChainName: '',
      listenerName: 'admin',
      startMark: performance.now(),
      tlsCompleteMark: -1,
      transportFailureReason: '',
      terminationDetails: '',
    };
    connections.set(socket, connection);
  }
  return connection;
}
