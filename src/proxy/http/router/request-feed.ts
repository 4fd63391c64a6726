/**
 * The request as it goes to an upstream: on to the attempt's connection as it comes, kept while there is none yet or while it may have to be
 * sent again, copied for mirrors. Pooled with its stream.
 */
import type { MirrorPolicy } from '#config/model/route.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { bodyLimit, KeptBody } from '#proxy/http/router/kept-body.ts';
import { sendMirror } from '#proxy/http/router/mirror.ts';
import type { Cluster } from '#proxy/upstream/cluster.ts';
import type { RequestEncoder } from '#proxy/upstream/request-encoder.ts';
import type { Headers } from '#wire/headers.ts';

/** Who goes on when the request does. */
export interface FeedOwner {
  readonly stream: HttpStream;
  /** The request is whole: its time begins to count. */
  onRequestWhole(): void;
  /** The request is too large to be sent a second time. @returns false where it was answered for that, and is over */
  onTooLargeToRepeat(): boolean;
}

export class RequestFeed {
  /** Who gets a copy of the request when it is whole. */
  mirrors: { cluster: Cluster; policy: MirrorPolicy }[] | undefined = undefined;
  private readonly body = new KeptBody();
  private encoder: RequestEncoder | undefined = undefined;
  private paused = false;
  /** More came than may be kept. */
  private abandoned = false;
  private readonly owner: FeedOwner;

  constructor(owner: FeedOwner) {
    this.owner = owner;
  }

  reset(): void {
    this.body.reset();
    this.encoder = undefined;
    this.mirrors = undefined;
    this.paused = false;
    this.abandoned = false;
  }

  /** The request is whole. */
  get ended(): boolean {
    return this.body.ended;
  }

  /** The body of a request that came whole and was kept, empty where it has none; else undefined. */
  get whole(): readonly Buffer[] | undefined {
    return this.body.ended && !this.abandoned ? this.body.chunks : undefined;
  }

  /** The body is not to be sent again, the head may be. */
  dropBody(): void {
    this.body.drop();
  }

  /** The request's head is there. @param repeatable it may be sent more than once */
  begin(repeatable: boolean, end: boolean): void {
    this.body.ended = end;
    this.body.stays = (repeatable || this.mirrors !== undefined) && !end;
    if (end) this.onWhole();
  }

  /** The attempt has a connection: the request goes out, with what there is of its body. */
  connect(encoder: RequestEncoder): void {
    this.encoder = encoder;
    // Before the body goes out: that may fill the connection, and pause the client again.
    this.pause(false);
    this.body.sendTo(encoder, this.owner.stream);
  }

  /** The attempt is over: what comes waits for the next one. */
  disconnect(): void {
    this.encoder = undefined;
  }

  data(chunk: Buffer, end: boolean): void {
    const { encoder } = this;
    if ((encoder === undefined || this.body.stays) && !this.keep(chunk)) return;
    if (end) {
      this.body.ended = true;
      this.onWhole();
    }
    encoder?.sendData(this.owner.stream, chunk, end);
  }

  trailers(trailers: Headers): void {
    this.body.ended = true;
    this.body.trailers = trailers;
    this.onWhole();
    this.encoder?.sendTrailers(this.owner.stream, trailers);
  }

  /** It will not be sent again. */
  settle(): void {
    this.body.stays = false;
  }

  /** Nothing of it is needed any more. */
  drop(): void {
    this.body.reset();
  }

  /** The client is to send no more for now, or to go on. */
  pause(pause: boolean): void {
    if (this.paused === pause) return;
    this.paused = pause;
    const { stream } = this.owner;
    stream.codec.pauseRequest(stream, pause);
  }

  /** @returns false where the request is over for being too large */
  private keep(chunk: Buffer): boolean {
    const { body } = this;
    const limit = bodyLimit(this.owner.stream);
    if (body.stays && body.bytes + chunk.length > limit) {
      this.mirrors = undefined;
      body.stays = false;
      this.abandoned = true;
      if (!this.owner.onTooLargeToRepeat()) return false;
      if (this.encoder !== undefined) {
        body.drop();
        return true;
      }
    }
    body.add(chunk);
    if (this.encoder === undefined && body.bytes > limit) this.pause(true);
    return true;
  }

  private onWhole(): void {
    if (this.mirrors !== undefined) {
      const body = [...this.body.chunks];
      for (const { cluster, policy } of this.mirrors) sendMirror(this.owner.stream, cluster, policy, body);
      this.mirrors = undefined;
    }
    this.owner.onRequestWhole();
  }
}
