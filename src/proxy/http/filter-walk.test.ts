import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  Continue,
  type DataStatus,
  type FilterInUse,
  type FilterStatus,
  type HttpFilter,
  Stop,
  StopAll,
  StopNoBuffer,
} from '#proxy/http/filter.ts';
import { FilterWalk } from '#proxy/http/filter-walk.ts';
import type { HttpStream } from '#proxy/http/http-stream.ts';
import { Headers } from '#wire/headers.ts';

const LIMIT = 100;

/** A walk in the direction of requests whose end writes down what comes. */
class Walk extends FilterWalk {
  passed: string[] = [];
  over = false;

  constructor(filters: Partial<HttpFilter>[]) {
    super({ connection: { bufferLimit: LIMIT } } as unknown as HttpStream);
    this.begin(filters.map((filter, index) => ({ name: `f${index}`, index, filter, disabled: false }) as FilterInUse));
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
    this.passed.push(`head${end ? '.' : ''}`);
  }
  protected passData(chunk: Buffer, end: boolean): void {
    this.passed.push(`${chunk}${end ? '.' : ''}`);
  }
  protected passTrailers(): void {
    this.passed.push('trailers.');
  }
  protected pause(pause: boolean): void {
    this.passed.push(pause ? 'pause' : 'resume');
  }
  protected onTooLarge(): void {
    this.passed.push('too large');
    this.over = true;
  }
}

const text = (walk: Walk) => walk.passed.join(' ');
const send = (walk: Walk, ...pieces: string[]) => {
  walk.headers(pieces.length === 0);
  for (const [i, piece] of pieces.entries()) walk.data(Buffer.from(piece), i === pieces.length - 1);
};

function noted(list: string[], chunk: Buffer): typeof Continue {
  list.push(`${chunk}`);
  return Continue;
}

function adds(add: () => unknown): typeof Continue {
  add();
  return Continue;
}

test('without filters everything passes as it comes', () => {
  const walk = new Walk([]);
  send(walk, 'a', 'b');
  assert.equal(text(walk), 'head a b.');
});

test('a filter that stops with all holds the body unseen, and sees it when it goes on', () => {
  const seen: string[] = [];
  const before: string[] = [];
  const walk = new Walk([
    { requestData: (_, __, chunk) => noted(before, chunk) },
    { request: () => StopAll, requestData: (_, __, chunk) => noted(seen, chunk) },
  ]);
  send(walk, 'a', 'b');
  assert.deepEqual([text(walk), seen, before], ['', [], ['a', 'b']]);
  walk.continue();
  assert.deepEqual([text(walk), seen, before], ['head a b.', ['a', 'b'], ['a', 'b']]);
});

test('a filter that stops at the head is shown the body, and its Continue lets both go on', () => {
  const walk = new Walk([{ request: () => Stop, requestData: (_, __, ___, end) => (end ? Continue : Stop) }]);
  send(walk, 'a', 'b', 'c');
  assert.equal(text(walk), 'head a b c.');
});

test('pieces that are not held are the affair of the filter', () => {
  const kept: string[] = [];
  const walk = new Walk([
    {
      requestData(_, __, chunk, end) {
        kept.push(`${chunk}`);
        return end ? Buffer.from(`<${kept.join('')}>`) : StopNoBuffer;
      },
    },
  ]);
  send(walk, 'a', 'b', 'c');
  assert.equal(text(walk), 'head <abc>.');
});

test('a filter may end a message without a body with one, a body with trailers, and trailers with a body', () => {
  const body = new Walk([{ request: () => adds(() => body.addData(Buffer.from('x'))) }]);
  send(body);
  assert.equal(text(body), 'head x.');
  const trailers = new Walk([
    { requestData: (_, __, ___, end) => adds(() => end && trailers.addTrailers(new Headers())) },
  ]);
  send(trailers, 'a', 'b');
  assert.equal(text(trailers), 'head a b trailers.');
  const last = new Walk([{ requestTrailers: () => Buffer.from('t') }]);
  last.headers(false);
  last.data(Buffer.from('a'), false);
  last.trailers(new Headers());
  assert.equal(text(last), 'head a t.');
});

test('trailers end what a filter waits for', () => {
  const walk = new Walk([{ request: () => Stop, requestData: () => Stop, requestTrailers: () => Continue }]);
  walk.headers(false);
  walk.data(Buffer.from('a'), false);
  assert.equal(text(walk), '');
  walk.trailers(new Headers());
  assert.equal(text(walk), 'head a trailers.');
});

test('too much for a filter that sees everything is an error, for another a pause', () => {
  const sees = new Walk([{ request: () => Stop, requestData: () => Stop }]);
  send(sees, 'x'.repeat(LIMIT), 'y', 'z');
  assert.equal(text(sees), 'too large');
  const waits = new Walk([{ request: () => StopAll }]);
  send(waits, 'x'.repeat(LIMIT), 'y');
  assert.equal(text(waits), 'pause');
  waits.continue();
  assert.deepEqual(waits.passed, ['pause', 'head', 'x'.repeat(LIMIT), 'y.', 'resume']);
});

test('a filter that is off is not asked', () => {
  const walk = new Walk([{ request: () => Stop }]);
  (walk as unknown as { chain: FilterInUse[] }).chain[0].disabled = true;
  send(walk, 'a');
  assert.equal(text(walk), 'head a.');
});

test('however filters stop and go on, the message comes out whole and in order', () => {
  const status = fc.constantFrom(Continue, Stop);
  const script = fc.record({
    head: fc.constantFrom<FilterStatus>(Continue, Stop, StopAll),
    data: fc.array(status, { maxLength: 6 }),
    hears: fc.boolean(),
  });
  const property = fc.property(
    fc.array(script, { maxLength: 4 }),
    fc.nat(5),
    fc.array(fc.nat(5)),
    (scripts, pieces, goOn) => {
      const walk = new Walk(
        scripts.map(({ head, data, hears }) => {
          const answers = [...data];
          return {
            request: () => head,
            ...(hears ? { requestData: () => answers.shift() ?? Continue } : {}),
          } as Partial<HttpFilter>;
        }),
      );
      const body = Array.from({ length: pieces }, (_, i) => `${i}`);
      walk.headers(pieces === 0);
      for (const [i, piece] of body.entries()) {
        walk.data(Buffer.from(piece), i === pieces - 1);
        if (goOn.includes(i)) walk.continue();
      }
      for (let i = 0; i < 20; i++) walk.continue();
      const last = pieces === 0 ? 'head.' : `${body.at(-1)}.`;
      assert.equal(text(walk), [...(pieces === 0 ? [] : ['head', ...body.slice(0, -1)]), last].join(' '));
    },
  );
  fc.assert(property, { numRuns: 500 });
});
