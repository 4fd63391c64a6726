/**
 * CONNECT that ends here (connect_config): what the client sends goes to a TCP connection of the cluster as it is, and what comes back is the
 * body of a response that the proxy makes. Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades#connect-support
 */
import type { RouteAction } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { clock } from '#proxy/transport/io-event.ts';
import type { HttpWaiter, RequestEncoder, RequestSource } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { TcpClient, type TcpClientUser } from '#proxy/upstream/tcp-client.ts';
import type { ConnectionRequest } from '#proxy/upstream/upstream-connection.ts';

const EMPTY = Buffer.alloc(0);

/** Whether the route takes the request for a TCP connection. */
export function endsHere({ method }: HttpStream, { upgradeConfigs }: RouteAction): boolean {
  if (method !== 'CONNECT' && method !== 'POST') return false;
  const connect = upgradeConfigs.find(({ connectConfig }) => connectConfig !== undefined)?.connectConfig;
  return connect !== undefined && (method === 'CONNECT' || connect.allowPost);
}

export class TcpTunnel implements RequestSource, RequestEncoder, TcpClientUser {
  readonly protocol = '';
  private readonly target: ConnectionRequest;
  private client: TcpClient | undefined = undefined;
  private waiter: HttpWaiter | undefined = undefined;

  constructor(target: ConnectionRequest) {
    this.target = target;
  }

  get connection(): RequestEncoder['connection'] {
    return this.client as TcpClient;
  }

  get wireSent(): number {
    return this.client?.bytesSent ?? 0;
  }

  get wireReceived(): number {
    return this.client?.bytesReceived ?? 0;
  }

  request(waiter: HttpWaiter): void {
    this.waiter = waiter;
    this.client = TcpClient.open(this.target, this);
  }

  cancel(): void {
    this.reset();
  }

  onUpstreamReady(): void {
    this.waiter?.onPoolReady(this);
  }

  onUpstreamFailure(reason: ResetReason, details: string, tried?: UpstreamInfo): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.onPoolFailure(reason, details, tried);
  }

  /** The connection stands: that is the answer. */
  sendHeaders(stream: HttpStream, end: boolean): void {
    stream.marks.firstUpstreamTxByte = clock.now();
    this.waiter?.responseHeaders.clear();
    this.waiter?.onHeaders(200, 0, false);
    if (end && stream.method !== 'CONNECT') this.client?.end();
  }

  sendData(stream: HttpStream, chunk: Buffer, end: boolean): void {
    if (chunk.length > 0 && this.client?.send(chunk, chunk.length)) this.waiter?.onRequestBlocked(true);
    if (!end) return;
    stream.marks.lastUpstreamTxByte = clock.now();
    this.client?.end();
  }

  sendTrailers(stream: HttpStream): void {
    this.sendData(stream, EMPTY, true);
  }

  sendMetadata(): void {
    // A tunnel of bytes has none.
  }

  pause(pause: boolean): void {
    this.client?.pause(pause);
  }

  reset(): void {
    this.waiter = undefined;
    this.client?.close(false);
  }

  onUpstreamDrained(): void {
    this.waiter?.onRequestBlocked(false);
  }

  onUpstreamData(count: number, bytes: Buffer): void {
    this.waiter?.onData(bytes.subarray(0, count), false);
  }

  onUpstreamEnd(): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.onWireBytes(this.wireReceived, this.wireSent);
    waiter?.onData(EMPTY, true);
    this.client?.close(false);
  }

  onUpstreamClosed(): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.onReset('connection_termination', '');
  }
}
