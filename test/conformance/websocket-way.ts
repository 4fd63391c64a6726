/**
 * Both ends of WebSockets and a proxy between them: the library `ws` (https://github.com/websockets/ws) is client and server, over HTTP/1.1 or a
 * stream of HTTP/2, in plain text or over TLS.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import {
  type ClientHttp2Session,
  connect,
  createServer as createHttp2Server,
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws';
import {
  bootstrap,
  downstreamTls,
  httpListener,
  httpProtocolOptions,
  type Json,
  staticCluster,
  upstreamTls,
} from '#testing/bootstrap.ts';
import { signed, testAuthority } from '#testing/certificates.ts';
import type { Scope } from '#testing/scope.ts';
import { type RunningProxy, startProxy } from '#testing/start-proxy.ts';
import { upgradeOverSession, upgradeOverStream } from './upgrade-over-http2.ts';

export interface WayKind {
  /** What client and server speak. */
  client: 1 | 2;
  server: 1 | 2;
  tls: boolean;
}

/** A WebSocket that is open at both ends. */
export interface Ends {
  client: WebSocket;
  server: WebSocket;
}

/** Milliseconds after which the listener `hasty` gives up a stream where nothing moves. */
export const IDLE = 600;
/** No message that the server takes at /small is larger. */
export const SMALL = 1000;

const HTTP2 = { allow_connect: true };
/** The header by which both ends of a WebSocket are known as one. */
const NAME = 'x-socket';

type Opened = (name: string, server: WebSocket) => void;
type Waiting = Map<string, (server: WebSocket) => void>;

export class Way {
  readonly kind: WayKind;
  readonly proxy: RunningProxy;
  /** Everything that one listener's clients share where they speak HTTP/2. */
  private readonly sessions = new Map<string, ClientHttp2Session>();
  /** Who waits for the server's end of a WebSocket, by the name that its handshake bears. */
  private readonly waiting: Waiting;
  private opened = 0;

  private constructor(kind: WayKind, proxy: RunningProxy, waiting: Waiting) {
    this.kind = kind;
    this.proxy = proxy;
    this.waiting = waiting;
  }

  static async start(t: Scope, kind: WayKind): Promise<Way> {
    const waiting: Waiting = new Map();
    const port = await startServer(t, kind, (name, server) => waiting.get(name)?.(server));
    const proxy = await startProxy(t, config(kind, port));
    const way = new Way(kind, proxy, waiting);
    t.after(() => {
      for (const session of way.sessions.values()) session.destroy();
    });
    return way;
  }

  /**
   * Begins a WebSocket.
   * @param path `/`, `/deflate` (the server compresses), `/small` (it takes only small messages), `/refuse` (403), `/answer` (200)
   * @param listener `in`, or `hasty` with a short idle timeout
   */
  async dial(path: string, options: ClientOptions = {}, listener = 'in', protocols: string[] = []): Promise<WebSocket> {
    const port = await this.proxy.listenerPort(listener);
    const scheme = this.kind.tls ? 'wss' : 'ws';
    const how: ClientOptions & { servername: string } = {
      perMessageDeflate: false,
      ca: testAuthority().cert,
      servername: 'localhost',
      ...options,
    };
    if (this.kind.client === 2) {
      const session = await this.session(listener, port);
      how.createConnection = (() => upgradeOverSession(session)) as unknown as ClientOptions['createConnection'];
    }
    return new WebSocket(`${scheme}://127.0.0.1:${port}${path}`, protocols, how);
  }

  /** As {@link dial}, and waits until it is open at both ends. */
  async open(path = '/', options: ClientOptions = {}, listener = 'in', protocols: string[] = []): Promise<Ends> {
    const name = String(++this.opened);
    const server = new Promise<WebSocket>((resolve) => this.waiting.set(name, resolve));
    const client = await this.dial(path, { ...options, headers: { [NAME]: name } }, listener, protocols);
    await once(client, 'open');
    return { client, server: await server };
  }

  /** Bytes of memory that the proxy has. */
  residentBytes(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.proxy.pid}/status`, 'utf8'))?.[1]) * 1024;
  }

  private async session(listener: string, port: number): Promise<ClientHttp2Session> {
    const known = this.sessions.get(listener);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const tls = { ca: testAuthority().cert, servername: 'localhost' };
    const session = connect(`${this.kind.tls ? 'https' : 'http'}://127.0.0.1:${port}`, tls);
    session.on('error', () => {});
    this.sessions.set(listener, session);
    // A client may use `:protocol` only where the server said so.
    await once(session, 'remoteSettings');
    return session;
  }
}

function config({ server, tls }: WayKind, port: number): Json {
  const manager = { upgrade_configs: [{ upgrade_type: 'websocket' }], http2_protocol_options: HTTP2 };
  const { cert, key } = signed('localhost');
  const chain = tls
    ? downstreamTls({
        tls_certificates: [{ certificate_chain: { inline_string: cert }, private_key: { inline_string: key } }],
        alpn_protocols: ['h2', 'http/1.1'],
      })
    : {};
  const trusted = { trusted_ca: { inline_string: testAuthority().cert } };
  const alpn_protocols = [server === 2 ? 'h2' : 'http/1.1'];
  const cluster = {
    ...(server === 2 ? httpProtocolOptions({ explicit_http_config: { http2_protocol_options: HTTP2 } }) : {}),
    ...(tls ? upstreamTls({ validation_context: trusted, alpn_protocols }, { sni: 'localhost' }) : {}),
  };
  return bootstrap(
    [
      httpListener({ manager, chain }),
      httpListener({ name: 'hasty', manager: { ...manager, stream_idle_timeout: `${IDLE / 1000}s` }, chain }),
    ],
    [staticCluster('c', [port], cluster)],
  );
}

/** @param opened gets every WebSocket that was agreed to, with the name that the client gave it. @returns the port */
async function startServer(t: Scope, kind: WayKind, opened: Opened): Promise<number> {
  const plain = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const accepting: Record<string, WebSocketServer> = {
    '/deflate': new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } }),
    '/small': new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: SMALL }),
  };
  const agree = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => {});
    const path = request.url ?? '';
    if (path === '/refuse') return void socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nnever');
    if (path === '/answer') return void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello');
    (accepting[path] ?? plain).handleUpgrade(request, socket, head, (server) => {
      server.on('error', () => {});
      opened(String(request.headers[NAME]), server);
    });
  };
  const server = listener(kind, agree);
  const sockets = new Set<Duplex>();
  server.on('connection', (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

function listener(kind: WayKind, agree: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): Server {
  const { cert, key } = signed('localhost');
  if (kind.server === 1) {
    const server = kind.tls ? createHttpsServer({ cert, key }) : createServer();
    return server.on('upgrade', agree);
  }
  const settings = { enableConnectProtocol: true };
  const server = kind.tls ? createSecureServer({ cert, key, settings }) : createHttp2Server({ settings });
  server.on('sessionError', () => {});
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {});
    const fields = { ...headers, upgrade: headers[':protocol'], connection: 'upgrade' };
    const request = { method: 'GET', url: headers[':path'], headers: fields };
    agree(request as unknown as IncomingMessage, upgradeOverStream(stream), Buffer.alloc(0));
  });
  return server;
}
