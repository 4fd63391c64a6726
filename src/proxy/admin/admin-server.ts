/**
 * Serves the admin API on the main thread. Its port is not the data path, so plain node:http will do; answers look like Envoy's.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/operations/admin
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { ListenOptions, Socket } from 'node:net';
import type { Address } from '#config/model/address.ts';
import type { SocketOption } from '#config/model/socket-option.ts';
import { beginAdminRecord } from '#proxy/admin/admin-access-log.ts';
import { AdminStatsRecorder } from '#proxy/admin/admin-stats.ts';
import type { AdminContext } from '#proxy/admin/context.ts';
import { type AdminHandler, AdminParams, type AdminResponse, text } from '#proxy/admin/handler.ts';
import { helpText } from '#proxy/admin/handlers/help.ts';
import { HANDLERS } from '#proxy/admin/handlers.ts';
import { sendBody } from '#proxy/admin/send-body.ts';
import { bindError } from '#proxy/listeners/bind-error.ts';
import { openListenDescriptor } from '#proxy/listeners/listen-descriptor.ts';
import { pathToBind, settlePath } from '#proxy/listeners/unix-path.ts';
import { applySocketOptions } from '#proxy/transport/apply-socket-options.ts';
import { descriptorOf } from '#proxy/transport/handle-channel.ts';

/** Forms are short. */
const MAX_BODY = 1 << 20;

const TOO_LARGE = Symbol('the body is too large');

export interface AdminServer {
  /** As bound: a port 0 is replaced. */
  readonly address: Address;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

/** Listens, and answers from the context. */
export async function startAdmin(
  address: Address,
  context: AdminContext,
  socketOptions: readonly SocketOption[] = [],
): Promise<AdminServer> {
  const recorder = new AdminStatsRecorder(context.stats.root);
  const admitted = new Set<Socket>();
  const leave = (socket: Socket) => {
    if (admitted.delete(socket)) context.leave();
  };
  const server = createServer((request, response) => {
    recorder.requested(request, response);
    // Its last answer is out: whoever read it may come again before the socket is closed.
    response.once('finish', () => {
      if (!response.shouldKeepAlive) leave(request.socket);
    });
    void serve(request, response, context);
  });
  server.on('connection', (socket) => {
    if (context.admit()) {
      admitted.add(socket);
      socket.once('close', () => leave(socket));
      recorder.connected(socket);
      return;
    }
    recorder.overflowed();
    socket.destroy();
  });
  server.on('clientError', (_error, socket) => {
    recorder.malformed();
    socket.end(
      'HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nBad Request',
    );
  });
  await listen(server, address, socketOptions);
  return {
    address: boundAddress(server, address),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, context: AdminContext): Promise<void> {
  const record = beginAdminRecord(request, context.accessLogs);
  const answered = await answerOrError(request, context);
  if (answered === undefined) {
    response.destroy();
    return record(undefined, 0);
  }
  writeHead(request, response, answered);
  record(answered, await sendBody(response, answered.body));
}

/** @returns undefined where the caller went away while its body was being read. */
async function answerOrError(request: IncomingMessage, context: AdminContext): Promise<AdminResponse | undefined> {
  try {
    return await answer(request, context);
  } catch (error) {
    if (error === TOO_LARGE) return text('request body too large\n', 413);
    if (request.destroyed && !request.complete) return undefined;
    return text(`${(error as Error).message}\n`, 500);
  }
}

async function answer(request: IncomingMessage, context: AdminContext): Promise<AdminResponse> {
  const url = request.url ?? '/';
  if (!context.allows(url)) return text(`request to path ${url} not allowed`, 403);
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const handler = HANDLERS.find((one) => one.path === path);
  if (handler === undefined) return text(`invalid path. ${helpText(HANDLERS)}`, 404);
  const refusal = methodRefusal(handler, request.method ?? '');
  if (refusal !== undefined) return refusal;
  const body = await readBody(request);
  const form = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') && body !== '';
  const params = form ? body.replaceAll('+', ' ') : url.slice(question < 0 ? url.length : question + 1);
  return handler.answer({ params: new AdminParams(params) }, context);
}

function methodRefusal(handler: AdminHandler, method: string): AdminResponse | undefined {
  if (!handler.mutates || method === 'POST') return undefined;
  return text(`Method ${method} not allowed, POST required.`, 405);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw TOO_LARGE;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function writeHead(
  request: IncomingMessage,
  response: ServerResponse,
  { status = 200, contentType }: AdminResponse,
): void {
  const headers = [
    'content-type',
    contentType,
    'cache-control',
    'no-cache, max-age=0',
    'x-content-type-options',
    'nosniff',
  ];
  headers.push('date', new Date().toUTCString(), 'server', 'envoy');
  if (request.httpVersion !== '1.0') headers.push('transfer-encoding', 'chunked');
  response.sendDate = false;
  // Node would add its own connection and keep-alive headers; connections are kept all the same.
  response.removeHeader('connection');
  response.writeHead(status, STATUS_CODES[status] ?? '', headers);
}

function listen(server: Server, address: Address, options: readonly SocketOption[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(bindError(address, error));
    server.once('error', fail);
    const target = listenOptions(address, options);
    server.listen(target, () => {
      server.off('error', fail);
      if (address.kind === 'pipe') settlePath(address, String(target.path));
      else if (options.length > 0) applySocketOptions(descriptorOf(server), address, options, 'LISTENING');
      resolve();
    });
  });
}

function listenOptions(address: Address, options: readonly SocketOption[]): ListenOptions & { fd?: number } {
  if (address.kind === 'internal') throw new Error('the admin API cannot listen on an internal address');
  if (address.kind === 'pipe') return { path: pathToBind(address.path) };
  if (options.length > 0) {
    return { fd: openListenDescriptor(address, { mptcp: false, options, reusable: false, listener: 'admin' }) };
  }
  return { host: address.address, port: address.port, ipv6Only: !address.ipv4Compat };
}

function boundAddress(server: Server, address: Address): Address {
  const bound = server.address();
  return address.kind === 'ip' && bound !== null && typeof bound === 'object'
    ? { ...address, port: bound.port }
    : address;
}
