/**
 * Where one stream stands in its filter chain: requests walk it forwards to the router, responses backwards to the codec. A filter that
 * stops holds back what follows, which is kept here up to the buffer limit; above it the sender is paused.
 */

import { Continue, type FilterInUse, Stop } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { RouterRun } from '#proxy/http/router/router-run.ts';
import type { Headers } from '#wire/headers.ts';

/** One direction's held messages. */
interface Held {
  chunks: Buffer[];
  bytes: number;
  end: boolean;
  trailers: Headers | undefined;
  headersWaiting: boolean;
}

function nothingHeld(): Held {
  return { chunks: [], bytes: 0, end: false, trailers: undefined, headersWaiting: false };
}

export class FilterChainRun {
  readonly router: RouterRun;
  /** What each filter keeps of this stream, at its index. */
  state: unknown[] = [];
  private readonly stream: HttpStream;
  private chain: readonly FilterInUse[] = [];
  /** Index of the filter that stopped the request, or -1. */
  private requestStop = -1;
  private responseStop = -1;
  private requestHeld: Held | undefined = undefined;
  private responseHeld: Held | undefined = undefined;
  private requestPaused = false;

  constructor(stream: HttpStream) {
    this.stream = stream;
    this.router = new RouterRun(stream);
  }

  reset(): void {
    if (this.state.length > 0) this.state = [];
    this.chain = [];
    this.requestStop = -1;
    this.responseStop = -1;
    this.requestHeld = undefined;
    this.responseHeld = undefined;
    this.requestPaused = false;
    this.router.reset();
  }

  /** Begins the walk of a request. */
  request(chain: readonly FilterInUse[], end: boolean): void {
    this.chain = chain;
    this.requestFrom(0, end);
  }

  private requestFrom(first: number, end: boolean): void {
    const { chain, stream } = this;
    for (let i = first; i < chain.length; i++) {
      const use = chain[i];
      if (use.filter.request === undefined || this.isOff(use)) continue;
      const status = use.filter.request(stream, use, end);
      if (stream.responseEnded || stream.finished || stream.responseStarted) return;
      if (status === Stop) {
        this.requestStop = i;
        return;
      }
    }
    this.router.request(end);
  }

  requestData(chunk: Buffer, end: boolean): void {
    if (this.requestStop >= 0) return this.holdRequest(chunk, end);
    this.requestDataFrom(0, chunk, end);
  }

  private requestDataFrom(first: number, chunk: Buffer, end: boolean): void {
    const { chain, stream } = this;
    for (let i = first; i < chain.length; i++) {
      const use = chain[i];
      if (use.filter.requestData === undefined || this.isOff(use)) continue;
      const status = use.filter.requestData(stream, use, chunk, end);
      if (stream.responseEnded || stream.finished) return;
      if (status === Stop) {
        this.requestStop = i;
        return this.holdRequest(chunk, end);
      }
    }
    this.router.requestData(chunk, end);
  }

  requestTrailers(trailers: Headers): void {
    if (this.requestStop >= 0) {
      this.requestHeld ??= nothingHeld();
      this.requestHeld.trailers = trailers;
      return;
    }
    this.requestTrailersFrom(0, trailers);
  }

  private requestTrailersFrom(first: number, trailers: Headers): void {
    const { chain, stream } = this;
    for (let i = first; i < chain.length; i++) {
      const use = chain[i];
      if (use.filter.requestTrailers !== undefined && !this.isOff(use))
        use.filter.requestTrailers(stream, use, trailers);
    }
    this.router.requestTrailers(trailers);
  }

  /** A filter that stopped the request lets it go on: with the next filter, and with what was held. */
  continueRequest(): void {
    const stopped = this.requestStop;
    if (stopped < 0) return;
    this.requestStop = -1;
    const held = this.requestHeld;
    this.requestHeld = undefined;
    const end = this.stream.requestEnded && held === undefined;
    if (!this.router.started) this.requestFrom(stopped + 1, end);
    if (held === undefined || this.stream.finished) return;
    for (let i = 0; i < held.chunks.length; i++) {
      this.requestDataFrom(stopped + 1, held.chunks[i], held.end && i === held.chunks.length - 1);
    }
    if (held.trailers !== undefined) this.requestTrailersFrom(stopped + 1, held.trailers);
    if (this.requestPaused) {
      this.requestPaused = false;
      this.stream.codec.pauseRequest(this.stream, false);
    }
  }

  private holdRequest(chunk: Buffer, end: boolean): void {
    this.requestHeld ??= nothingHeld();
    const held = this.requestHeld;
    held.chunks.push(Buffer.from(chunk));
    held.bytes += chunk.length;
    held.end = end;
    if (!this.requestPaused && held.bytes > this.stream.connection.bufferLimit) {
      this.requestPaused = true;
      this.stream.codec.pauseRequest(this.stream, true);
    }
  }

  /** Begins the walk of a response whose head is in `stream.responseHeaders`. */
  response(end: boolean): void {
    this.responseFrom(this.chain.length - 1, end);
  }

  private responseFrom(first: number, end: boolean): void {
    const { chain, stream } = this;
    for (let i = first; i >= 0; i--) {
      const use = chain[i];
      if (use.filter.response === undefined || this.isOff(use)) continue;
      if (use.filter.response(stream, use, end) === Stop) {
        this.responseStop = i;
        this.responseHeld = nothingHeld();
        this.responseHeld.headersWaiting = true;
        this.responseHeld.end = end;
        return;
      }
    }
    stream.manager.sendHeaders(stream, end);
  }

  responseData(chunk: Buffer, end: boolean): void {
    if (this.responseStop >= 0) return this.holdResponse(chunk, end);
    this.responseDataFrom(this.chain.length - 1, chunk, end);
  }

  private responseDataFrom(first: number, chunk: Buffer, end: boolean): void {
    const { chain, stream } = this;
    for (let i = first; i >= 0; i--) {
      const use = chain[i];
      if (use.filter.responseData === undefined || this.isOff(use)) continue;
      if (use.filter.responseData(stream, use, chunk, end) === Stop) {
        this.responseStop = i;
        return this.holdResponse(chunk, end);
      }
    }
    stream.manager.sendData(stream, chunk, end);
  }

  responseTrailers(trailers: Headers): void {
    if (this.responseStop >= 0) {
      this.responseHeld ??= nothingHeld();
      this.responseHeld.trailers = trailers;
      return;
    }
    this.responseTrailersFrom(this.chain.length - 1, trailers);
  }

  private responseTrailersFrom(first: number, trailers: Headers): void {
    const { chain, stream } = this;
    for (let i = first; i >= 0; i--) {
      const use = chain[i];
      if (use.filter.responseTrailers !== undefined && !this.isOff(use))
        use.filter.responseTrailers(stream, use, trailers);
    }
    stream.manager.sendTrailers(stream, trailers);
  }

  /** A filter that stopped the response lets it go on. */
  continueResponse(): void {
    const stopped = this.responseStop;
    if (stopped < 0) return;
    this.responseStop = -1;
    const held = this.responseHeld;
    this.responseHeld = undefined;
    if (held === undefined) return;
    const bodyFollows = held.chunks.length > 0 || held.trailers !== undefined;
    if (held.headersWaiting) this.responseFrom(stopped - 1, held.end && !bodyFollows);
    for (let i = 0; i < held.chunks.length; i++) {
      this.responseDataFrom(stopped - 1, held.chunks[i], held.end && i === held.chunks.length - 1);
    }
    if (held.trailers !== undefined) this.responseTrailersFrom(stopped - 1, held.trailers);
  }

  private holdResponse(chunk: Buffer, end: boolean): void {
    this.responseHeld ??= nothingHeld();
    const held = this.responseHeld;
    held.chunks.push(Buffer.from(chunk));
    held.bytes += chunk.length;
    held.end = end;
  }

  /** The stream is over. */
  end(): void {
    const { chain, stream } = this;
    for (let i = 0; i < chain.length; i++) chain[i].filter.end?.(stream, chain[i]);
    this.router.end();
  }

  private isOff(use: FilterInUse): boolean {
    const perRoute =
      this.stream.selected?.config.perFilterConfig[use.name] ??
      this.stream.selectedHost?.config.perFilterConfig[use.name];
    return perRoute?.disabled ?? use.disabled;
  }
}

export { Continue };
