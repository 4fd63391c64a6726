/**
 * One gRPC call that the proxy makes through one of its clusters: messages both ways until either side ends it.
 * Follows https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import type { GrpcService } from '#config/model/config-source.ts';
import { AsyncRequest, type AsyncResponse } from '#proxy/upstream/async-request.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { Headers } from '#wire/headers.ts';

/** Who called. */
export interface GrpcCaller {
  /** A whole message; its bytes are the caller's to keep. */
  onMessage(bytes: Uint8Array): void;
  /** The call is over. @param status of gRPC: 0 is well; @param message in its words, or ours where the call broke off */
  onClosed(status: number, message: string): void;
}

/** Length and a byte of flags stand before each message. */
const PREFIX = 5;
const UNKNOWN = 2;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
/** What an HTTP status means where no gRPC status came: the same document, "HTTP2 Transport Mapping". */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: INTERNAL,
  401: 16,
  403: 7,
  404: UNIMPLEMENTED,
  429: UNAVAILABLE,
  502: UNAVAILABLE,
  503: UNAVAILABLE,
  504: UNAVAILABLE,
};

const EMPTY = Buffer.alloc(0);

export class GrpcStream implements AsyncResponse {
  private readonly request: AsyncRequest;
  private readonly caller: GrpcCaller;
  /** Bytes of a message; 0: any number. */
  private readonly limit: number;
  private readonly parts: Buffer[] = [];
  private gathered = 0;
  private httpStatus = 0;
  private status: number | undefined = undefined;
  private message = '';
  private over = false;

  /** @param method `/package.Service/Method` */
  constructor(cluster: Cluster, method: string, service: GrpcService, caller: GrpcCaller) {
    this.caller = caller;
    this.limit = service.maxReceiveMessageLength;
    this.request = new AsyncRequest(
      cluster,
      {
        method: 'POST',
        path: method,
        host: service.authority || service.clusterName,
        protocol: 'HTTP/2',
        isSilent: service.skipEnvoyHeaders,
        headers: [
          ['te', 'trailers'],
          ['content-type', 'application/grpc'],
          ...service.initialMetadata.map(({ key, value }) => [key, value] as const),
        ],
      },
      this,
    );
  }

  /** The caller may hear that it cannot be before this returns. */
  open(): void {
    this.request.begin(true);
  }

  send(message: Uint8Array): void {
    const framed = Buffer.allocUnsafe(PREFIX + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, PREFIX);
    this.request.send(framed, false);
  }

  /** The caller says no more. */
  end(): void {
    this.request.send(EMPTY, true);
  }

  /** The call is given up; its caller hears no more. */
  cancel(): void {
    this.over = true;
    this.request.cancel();
  }

  onHeaders(status: number, headers: Headers): void {
    this.httpStatus = status;
    this.noteStatus(headers);
  }

  onData(chunk: Buffer): void {
    if (this.over) return;
    this.parts.push(Buffer.from(chunk));
    this.gathered += chunk.length;
    while (!this.over && this.gathered >= PREFIX) {
      const head = this.peek(PREFIX);
      const length = head.readUInt32BE(1);
      if (head[0] !== 0) return this.breakOff(UNIMPLEMENTED, 'a message is compressed, which was not asked for');
      if (this.limit > 0 && length > this.limit) {
        return this.breakOff(RESOURCE_EXHAUSTED, `a message of ${length} bytes is larger than ${this.limit}`);
      }
      if (this.gathered < PREFIX + length) return;
      this.caller.onMessage(this.take(PREFIX + length).subarray(PREFIX));
    }
  }

  onEnd(trailers: Headers | undefined): void {
    if (trailers !== undefined) this.noteStatus(trailers);
    if (this.httpStatus !== 200 && this.status === undefined) {
      return this.close(BY_HTTP_STATUS[this.httpStatus] ?? UNKNOWN, `HTTP status ${this.httpStatus}`);
    }
    this.close(this.status ?? UNKNOWN, this.message || (this.status === undefined ? 'no grpc-status came' : ''));
  }

  onFailure(details: string): void {
    this.close(UNAVAILABLE, details);
  }

  private noteStatus(headers: Headers): void {
    const status = headers.get('grpc-status');
    if (status === undefined) return;
    this.status = /^\d{1,9}$/.test(status) ? Number(status) : UNKNOWN;
    this.message = decoded(headers.get('grpc-message') ?? '');
  }

  private breakOff(status: number, message: string): void {
    this.request.cancel();
    this.close(status, message);
  }

  private close(status: number, message: string): void {
    if (this.over) return;
    this.over = true;
    this.caller.onClosed(status, message);
  }

  /** The first bytes, which stay. */
  private peek(count: number): Buffer {
    if (this.parts[0].length < count) this.parts.splice(0, this.parts.length, Buffer.concat(this.parts));
    return this.parts[0];
  }

  private take(count: number): Buffer {
    const all = this.parts.length === 1 ? this.parts[0] : Buffer.concat(this.parts);
    this.parts.length = 0;
    this.gathered = all.length - count;
    if (this.gathered > 0) this.parts.push(all.subarray(count));
    return all.subarray(0, count);
  }
}

/** Percent encoding; what is not well encoded stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
