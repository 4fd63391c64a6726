/** A request's way through the filters, in the order configured, to the router. */
import { Continue, type DataStatus, type FilterInUse, type FilterStatus } from '#proxy/http/filter.ts';
import { FilterWalk } from '#proxy/http/filter-walk.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import type { Headers } from '#wire/headers.ts';

export class RequestWalk extends FilterWalk {
  request(chain: readonly FilterInUse[], end: boolean): void {
    this.begin(chain);
    this.headers(end);
  }

  /** It has its answer, or needs none. */
  protected get over(): boolean {
    const { responseStarted, responseEnded, finished } = this.stream;
    return finished || responseEnded || (responseStarted && !this.stream.filters.router.started);
  }

  protected hearsHeaders({ filter }: FilterInUse): boolean {
    return filter.request !== undefined;
  }

  protected hearsData({ filter }: FilterInUse): boolean {
    return filter.requestData !== undefined;
  }

  protected hearsTrailers({ filter }: FilterInUse): boolean {
    return filter.requestTrailers !== undefined;
  }

  protected showHeaders(use: FilterInUse, end: boolean): FilterStatus {
    return use.filter.request?.(this.stream, use, end) ?? Continue;
  }

  protected showData(use: FilterInUse, chunk: Buffer, end: boolean): DataStatus {
    return use.filter.requestData?.(this.stream, use, chunk, end) ?? Continue;
  }

  protected showTrailers(use: FilterInUse, trailers: Headers): DataStatus {
    return use.filter.requestTrailers?.(this.stream, use, trailers) ?? Continue;
  }

  protected passHeaders(end: boolean): void {
    this.stream.filters.router.request(end);
  }

  protected passData(chunk: Buffer, end: boolean): void {
    this.stream.filters.router.requestData(chunk, end);
  }

  protected passTrailers(trailers: Headers): void {
    this.stream.filters.router.requestTrailers(trailers);
  }

  protected pause(pause: boolean): void {
    this.stream.codec.pauseRequest(this.stream, pause);
  }

  protected onTooLarge(): void {
    this.stream.manager.stats.downstreamRqTooLarge.inc();
    sendLocalReply(this.stream, 413, 'Payload Too Large', 'request_payload_too_large');
  }
}
