/**
 * One direction of one stream on its way through the filters: the head, then pieces of the body, then trailers, each from the first filter
 * to the last. A filter that stops holds back the head and what was not passed on yet; that is kept here up to the buffer limit.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/http_filters#filter-chain-iteration
 */
import {
  Continue,
  type DataStatus,
  type FilterInUse,
  type FilterStatus,
  Stop,
  StopAll,
  StopNoBuffer,
} from '#proxy/http/filter.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import type { Headers } from '#wire/headers.ts';

const NOBODY = -1;

export abstract class FilterWalk {
  protected readonly stream: HttpStream;
  private chain: readonly FilterInUse[] = [];
  /** Where, in this walk's order, stands the filter that stopped it. */
  private stopped = NOBODY;
  /** What follows is still shown to that filter, which has seen all that is held. */
  private shown = false;
  private headWaits = false;
  private headEnd = false;
  private readonly held: Buffer[] = [];
  private heldBytes = 0;
  private heldEnd = false;
  private heldTrailers: Headers | undefined = undefined;
  private paused = false;
  /** What the filter that is asked adds behind what it was shown. */
  private addedData: Buffer | undefined = undefined;
  private addedTrailers: Headers | undefined = undefined;

  constructor(stream: HttpStream) {
    this.stream = stream;
  }

  /** @param chain in this walk's order */
  protected begin(chain: readonly FilterInUse[]): void {
    this.chain = chain;
  }

  reset(): void {
    if (this.chain.length === 0) return;
    this.chain = [];
    this.stopped = NOBODY;
    this.shown = false;
    this.headWaits = false;
    this.dropHeld();
    this.paused = false;
    this.addedData = undefined;
    this.addedTrailers = undefined;
  }

  headers(end: boolean): void {
    this.headersFrom(0, end);
  }

  data(chunk: Buffer, end: boolean): void {
    this.dataFrom(0, chunk, end);
  }

  trailers(trailers: Headers): void {
    this.trailersFrom(0, trailers);
  }

  /** While a filter is shown a head or data that ends the message: it goes on, and this is its last data. */
  addData(chunk: Buffer): void {
    this.addedData = chunk;
  }

  /** While a filter is shown data that ends the message, or with {@link addData}: these trailers end it instead. */
  addTrailers(trailers: Headers): void {
    this.addedTrailers = trailers;
  }

  /** The filter that stopped the walk lets it go on. */
  continue(): void {
    const { stopped, shown, headWaits, headEnd } = this;
    if (stopped === NOBODY) return;
    const next = stopped + 1;
    const bodyFrom = shown ? next : stopped;
    const chunks = this.held.splice(0);
    const { heldEnd, heldTrailers } = this;
    this.stopped = NOBODY;
    this.dropHeld();
    this.headWaits = false;
    if (headWaits) this.headersFrom(next, headEnd && chunks.length === 0 && heldTrailers === undefined);
    for (let i = 0; i < chunks.length && !this.over; i++)
      this.dataFrom(bodyFrom, chunks[i], heldEnd && i === chunks.length - 1);
    if (heldTrailers !== undefined && !this.over) this.trailersFrom(bodyFrom, heldTrailers);
    if (!this.paused || this.stopped !== NOBODY) return;
    this.paused = false;
    this.pause(false);
  }

  private headersFrom(first: number, end: boolean): void {
    const { chain } = this;
    for (let i = first; i < chain.length; i++) {
      const use = chain[i];
      if (!this.hearsHeaders(use) || this.isOff(use)) continue;
      const status = this.showHeaders(use, end);
      if (this.over) return;
      const added = this.addedData;
      const trailers = this.addedTrailers;
      this.addedData = undefined;
      this.addedTrailers = undefined;
      if (status !== Continue) {
        this.stopped = i;
        this.shown = status === Stop && this.hearsBody(use);
        this.headWaits = true;
        this.headEnd = end;
        if (added !== undefined) this.hold(added, trailers === undefined);
        this.heldTrailers = trailers;
        return;
      }
      if (added === undefined) continue;
      this.headersFrom(i + 1, false);
      if (!this.over) this.dataFrom(i + 1, added, trailers === undefined);
      if (!this.over && trailers !== undefined) this.trailersFrom(i + 1, trailers);
      return;
    }
    this.passHeaders(end);
  }

  private dataFrom(first: number, data: Buffer, end: boolean): void {
    const { chain } = this;
    let chunk = data;
    for (let i = first; i < chain.length; i++) {
      if (i === this.stopped && !this.shown) return this.hold(chunk, end);
      const use = chain[i];
      if (!this.hearsData(use) || this.isOff(use)) {
        if (i === this.stopped) this.continue();
        continue;
      }
      const status = this.showData(use, chunk, end);
      if (this.over) return;
      const trailers = this.addedTrailers;
      this.addedTrailers = undefined;
      if (typeof status === 'object') chunk = status;
      else if (status !== Continue)
        return this.stopAtData(i, status === StopNoBuffer ? undefined : chunk, end, trailers);
      if (i === this.stopped) this.continue();
      if (trailers === undefined || this.over) continue;
      this.dataFrom(i + 1, chunk, false);
      if (!this.over) this.trailersFrom(i + 1, trailers);
      return;
    }
    if (!this.over) this.passData(chunk, end);
  }

  private stopAtData(at: number, chunk: Buffer | undefined, end: boolean, trailers: Headers | undefined): void {
    this.stopped = at;
    this.shown = true;
    this.heldTrailers = trailers ?? this.heldTrailers;
    if (chunk !== undefined) this.hold(chunk, end && trailers === undefined);
    else if (end && trailers === undefined) this.hold(EMPTY, true);
  }

  private trailersFrom(first: number, trailers: Headers): void {
    const { chain } = this;
    for (let i = first; i < chain.length; i++) {
      if (i === this.stopped && !this.shown) {
        this.heldTrailers = trailers;
        return;
      }
      const use = chain[i];
      const heard = this.hearsTrailers(use) && !this.isOff(use);
      const status = heard ? this.showTrailers(use, trailers) : Continue;
      if (this.over) return;
      if (status === Stop || status === StopAll || status === StopNoBuffer) {
        this.stopped = i;
        this.shown = true;
        this.heldTrailers = trailers;
        return;
      }
      if (i === this.stopped) this.continue();
      if (typeof status !== 'object') continue;
      if (!this.over) this.dataFrom(i + 1, status, true);
      return;
    }
    if (!this.over) this.passTrailers(trailers);
  }

  /** Above the limit a filter that sees everything has too much; others get no more of it for now. */
  private hold(chunk: Buffer, end: boolean): void {
    this.held.push(Buffer.from(chunk));
    this.heldBytes += chunk.length;
    this.heldEnd = end;
    if (this.heldBytes <= this.limit) return;
    if (this.shown) {
      this.dropHeld();
      this.onTooLarge();
    } else if (!this.paused) {
      this.paused = true;
      this.pause(true);
    }
  }

  private dropHeld(): void {
    this.held.length = 0;
    this.heldBytes = 0;
    this.heldEnd = false;
    this.heldTrailers = undefined;
  }

  private isOff(use: FilterInUse): boolean {
    const { selected, selectedHost } = this.stream;
    const perRoute = selected?.config.perFilterConfig[use.name] ?? selectedHost?.config.perFilterConfig[use.name];
    return perRoute?.disabled ?? use.disabled;
  }

  private hearsBody(use: FilterInUse): boolean {
    return this.hearsData(use) || this.hearsTrailers(use);
  }

  private get limit(): number {
    return this.stream.connection.bufferLimit;
  }

  /** Nothing of this direction goes on any more. */
  protected abstract readonly over: boolean;
  protected abstract hearsHeaders(use: FilterInUse): boolean;
  protected abstract hearsData(use: FilterInUse): boolean;
  protected abstract hearsTrailers(use: FilterInUse): boolean;
  protected abstract showHeaders(use: FilterInUse, end: boolean): FilterStatus;
  protected abstract showData(use: FilterInUse, chunk: Buffer, end: boolean): DataStatus;
  protected abstract showTrailers(use: FilterInUse, trailers: Headers): DataStatus;
  /** To whoever comes behind the last filter. */
  protected abstract passHeaders(end: boolean): void;
  protected abstract passData(chunk: Buffer, end: boolean): void;
  protected abstract passTrailers(trailers: Headers): void;
  /** Stops or goes on reading from where this direction comes. */
  protected abstract pause(pause: boolean): void;
  /** More was held than may be. */
  protected abstract onTooLarge(): void;
}

const EMPTY = Buffer.alloc(0);
