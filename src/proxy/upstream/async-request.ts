/**
 * A request that the proxy makes by itself, through one of its clusters: balanced, pooled and counted as those of clients are.
 * Follows Envoy's Http::AsyncClient.
 */
import type { ConnectionManager } from '#proxy/http/connection-manager.ts';
import { type HttpStream, takeStream } from '#proxy/http/http-stream.ts';
import type { UpstreamInfo } from '#proxy/observe/stream-info.ts';
import { asEvent } from '#proxy/transport/io-event.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Host } from '#proxy/upstream/host.ts';
import { countOwnRequest, signOwnRequest } from '#proxy/upstream/own-request.ts';
import type { HttpWaiter, RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { ResetReason } from '#proxy/upstream/response-receiver.ts';
import { Headers } from '#wire/headers.ts';

export interface AsyncRequestHead {
  method: string;
  path: string;
  /** `:authority`. */
  host: string;
  /** By names in lower case. */
  headers: readonly (readonly [name: string, value: string])[];
  /** As a client would speak, for clusters that speak as their clients do. */
  protocol: 'HTTP/1.1' | 'HTTP/2';
  /** It does not say who makes it. */
  isSilent?: boolean;
}

/** Who waits for the response. Nothing is called after `onEnd` or `onFailure`. */
export interface AsyncResponse {
  /** Fields are good until this returns. */
  onHeaders(status: number, headers: Headers): void;
  /** Bytes are good until this returns. */
  onData(chunk: Buffer): void;
  /** The response is whole. @param trailers undefined: there are none */
  onEnd(trailers: Headers | undefined): void;
  /** There is no response, or only a part of one. */
  onFailure(details: string): void;
}

/** Requests without a client have no connection manager; their headers are spelled in lower case. */
const NO_MANAGER = { config: { http1: { headerFormat: 'lower' } } } as unknown as ConnectionManager;

export class AsyncRequest implements HttpWaiter {
  readonly responseHeaders = new Headers();
  reason = '';
  private readonly cluster: Cluster;
  private readonly response: AsyncResponse;
  private readonly stream: HttpStream;
  private readonly queued: { chunk: Buffer; end: boolean }[] = [];
  private host: Host | undefined = undefined;
  private encoder: RequestEncoder | undefined = undefined;
  private bodyFollows = false;
  private over = false;

  constructor(cluster: Cluster, head: AsyncRequestHead, response: AsyncResponse) {
    this.cluster = cluster;
    this.response = response;
    const stream = takeStream();
    stream.manager = NO_MANAGER;
    stream.protocol = head.protocol;
    stream.method = head.method;
    stream.path = head.path;
    stream.host = head.host;
    stream.scheme = cluster.config.transport.kind === 'tls' ? 'https' : 'http';
    for (const [name, value] of head.headers) stream.requestHeaders.add(name, value);
    if (!head.isSilent) signOwnRequest(stream.requestHeaders);
    this.stream = stream;
    countOwnRequest(cluster.worker);
  }

  /** @param bodyFollows `send` is to come */
  begin(bodyFollows: boolean): void {
    this.bodyFollows = bodyFollows;
    asEvent(() => {
      const { cluster, stream } = this;
      const { loadBalancer } = cluster;
      const context = loadBalancer.asksRequest ? { request: stream, hostSelectionRetryCount: 0 } : undefined;
      this.host = loadBalancer.choose(context);
      if (this.host === undefined) return this.fail('no healthy upstream');
      const protocol = cluster.protocolFor(stream.protocol);
      const pool = cluster.poolFor(this.host, 'DEFAULT', protocol, cluster.serverNameFor(stream));
      if (pool === undefined) return this.fail('no healthy upstream');
      pool.request(this);
    });
  }

  /** A piece of the request's body; `end`: it is the last. */
  send(chunk: Buffer, end: boolean): void {
    if (this.over) return;
    const { encoder } = this;
    if (encoder === undefined) this.queued.push({ chunk, end });
    else asEvent(() => encoder.sendData(this.stream, chunk, end));
  }

  /** It is given up: nobody hears of it any more. */
  cancel(): void {
    if (this.over) return;
    const { encoder } = this;
    this.finish();
    if (encoder !== undefined) asEvent(() => encoder.reset());
  }

  onPoolReady(encoder: RequestEncoder): void {
    if (this.over) return encoder.reset();
    this.encoder = encoder;
    encoder.sendHeaders(this.stream, !this.bodyFollows);
    for (const { chunk, end } of this.queued.splice(0)) encoder.sendData(this.stream, chunk, end);
  }

  onPoolFailure(reason: ResetReason, details: string, _tried?: UpstreamInfo): void {
    this.fail(details === '' ? reason : `${reason}: ${details}`);
  }

  onHeaders(status: number, _bytes: number, end: boolean): void {
    if (this.over) return;
    this.cluster.answers.count(status, true, this.host, false);
    if (status >= 500) this.host?.stats.rqError.inc();
    else this.host?.stats.rqSuccess.inc();
    this.response.onHeaders(status, this.responseHeaders);
    if (end) this.end(undefined);
  }

  onData(chunk: Buffer, end: boolean): void {
    if (this.over) return;
    if (chunk.length > 0) this.response.onData(chunk);
    if (end) this.end(undefined);
  }

  onTrailers(trailers: Headers): void {
    this.end(trailers);
  }

  onReset(reason: ResetReason, details: string): void {
    this.host?.stats.rqError.inc();
    this.fail(details === '' ? reason : `${reason}: ${details}`);
  }

  onInterim(): void {}

  onRequestBlocked(): void {}

  onWireBytes(): void {}

  private end(trailers: Headers | undefined): void {
    if (this.over) return;
    this.finish();
    this.response.onEnd(trailers);
  }

  private fail(details: string): void {
    if (this.over) return;
    this.finish();
    this.response.onFailure(details);
  }

  /** The stream stays with its encoder, which may still speak of it. */
  private finish(): void {
    this.over = true;
    this.encoder = undefined;
  }
}
