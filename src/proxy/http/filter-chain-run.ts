/**
 * Where one stream stands in its filter chain: requests walk it forwards to the router, responses backwards to the codec.
 */
import { noteCluster } from '#proxy/http/cluster-of.ts';
import type { FilterInUse } from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { RequestWalk } from '#proxy/http/request-walk.ts';
import { ResponseWalk } from '#proxy/http/response-walk.ts';
import { RouterRun } from '#proxy/http/router/router-run.ts';
import { isGrpc } from '#selection/route-conditions.ts';
import type { Headers } from '#wire/headers.ts';
import { Known } from '#wire/known-headers.ts';

export class FilterChainRun {
  readonly router: RouterRun;
  /** Whether the client's request was one of gRPC, whatever filters made of it; undefined where there are no filters. */
  grpc: boolean | undefined = undefined;
  /** What each filter keeps of this stream, at its index. */
  state: unknown[] = [];
  private readonly stream: HttpStream;
  private readonly requestWalk: RequestWalk;
  private readonly responseWalk: ResponseWalk;
  private chain: readonly FilterInUse[] = NONE;
  private backwards: readonly FilterInUse[] = NONE;

  constructor(stream: HttpStream) {
    this.stream = stream;
    this.router = new RouterRun(stream);
    this.requestWalk = new RequestWalk(stream);
    this.responseWalk = new ResponseWalk(stream);
  }

  reset(): void {
    this.router.reset();
    if (this.chain.length === 0) return;
    this.chain = NONE;
    this.backwards = NONE;
    this.grpc = undefined;
    this.state = [];
    this.requestWalk.reset();
    this.responseWalk.reset();
  }

  /** Begins the walk of a request. @param backwards the same filters from the last to the first */
  request(chain: readonly FilterInUse[], backwards: readonly FilterInUse[], end: boolean): void {
    this.chain = chain;
    this.backwards = backwards;
    if (chain.length > 0) {
      this.grpc = isGrpc(this.stream.requestHeaders.getKnown(Known['content-type']));
      noteCluster(this.stream);
    }
    this.requestWalk.request(chain, end);
  }

  requestData(chunk: Buffer, end: boolean): void {
    this.requestWalk.data(chunk, end);
  }

  requestTrailers(trailers: Headers): void {
    this.requestWalk.trailers(trailers);
  }

  /** A filter that stopped the request lets it go on: with the next filter, and with what was held. */
  continueRequest(): void {
    this.requestWalk.continue();
  }

  /** While a filter is shown a head without a body: it has one after all. */
  addRequestData(chunk: Buffer): void {
    this.requestWalk.addData(chunk);
  }

  /** While a filter is shown the end of the body: these trailers come behind. */
  addRequestTrailers(trailers: Headers): void {
    this.requestWalk.addTrailers(trailers);
  }

  /** Begins the walk of a response whose head is in `stream.responseHeaders`. */
  response(end: boolean): void {
    this.responseWalk.response(this.backwards, end);
  }

  responseData(chunk: Buffer, end: boolean): void {
    this.responseWalk.data(chunk, end);
  }

  responseTrailers(trailers: Headers): void {
    this.responseWalk.trailers(trailers);
  }

  /** A filter that stopped the response lets it go on. */
  continueResponse(): void {
    this.responseWalk.continue();
  }

  addResponseData(chunk: Buffer): void {
    this.responseWalk.addData(chunk);
  }

  addResponseTrailers(trailers: Headers): void {
    this.responseWalk.addTrailers(trailers);
  }

  /** The stream is over. */
  end(): void {
    const { chain, stream } = this;
    for (let i = 0; i < chain.length; i++) chain[i].filter.end?.(stream, chain[i]);
    this.router.end();
  }
}

const NONE: readonly FilterInUse[] = [];
