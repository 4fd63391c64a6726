/** A response's way through the filters, from the last to the first, to the connection manager. */
import { Continue, type DataStatus, type FilterInUse, type FilterStatus } from '#proxy/http/filter.ts';
import { FilterWalk } from '#proxy/http/filter-walk.ts';
import { sendLocalReply } from '#proxy/http/local-reply.ts';
import type { Headers } from '#wire/headers.ts';

export class ResponseWalk extends FilterWalk {
  /** @param chain from the last filter to the first */
  response(chain: readonly FilterInUse[], end: boolean): void {
    this.reset();
    this.begin(chain);
    this.headers(end);
  }

  protected get over(): boolean {
    return this.stream.finished || this.stream.responseEnded;
  }

  protected hearsHeaders({ filter }: FilterInUse): boolean {
    return filter.response !== undefined;
  }

  protected hearsData({ filter }: FilterInUse): boolean {
    return filter.responseData !== undefined;
  }

  protected hearsTrailers({ filter }: FilterInUse): boolean {
    return filter.responseTrailers !== undefined;
  }

  protected showHeaders(use: FilterInUse, end: boolean): FilterStatus {
    return use.filter.response?.(this.stream, use, end) ?? Continue;
  }

  protected showData(use: FilterInUse, chunk: Buffer, end: boolean): DataStatus {
    return use.filter.responseData?.(this.stream, use, chunk, end) ?? Continue;
  }

  protected showTrailers(use: FilterInUse, trailers: Headers): DataStatus {
    return use.filter.responseTrailers?.(this.stream, use, trailers) ?? Continue;
  }

  protected passHeaders(end: boolean): void {
    this.stream.manager.sendHeaders(this.stream, end);
  }

  protected passData(chunk: Buffer, end: boolean): void {
    this.stream.manager.sendData(this.stream, chunk, end);
  }

  protected passTrailers(trailers: Headers): void {
    this.stream.manager.sendTrailers(this.stream, trailers);
  }

  protected pause(pause: boolean): void {
    this.stream.filters.router.pauseResponse(pause);
  }

  /** What the upstream still sends is for nobody. */
  protected onTooLarge(): void {
    const { stream } = this;
    stream.manager.stats.rsTooLarge.inc();
    stream.filters.router.end();
    sendLocalReply(stream, 500, 'Internal Server Error', 'response_payload_too_large');
  }
}
