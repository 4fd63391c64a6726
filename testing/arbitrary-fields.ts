/**
 * Random messages, put together out of random fields.
 */
import fc from 'fast-check';
import type { Json } from '#testing/bootstrap.ts';

export type Fields = Record<string, fc.Arbitrary<unknown>>;
export type Any = fc.Arbitrary<unknown>;

/** One of the good values; of the bad ones, once in `weight` times. */
export function seldom(good: readonly unknown[], bad: readonly unknown[], weight = 40): Any {
  return fc.oneof({ weight, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
}

/** Some of the fields. */
export function some(fields: Fields): fc.Arbitrary<Json> {
  return fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Json>;
}

export function all(fields: Fields): fc.Arbitrary<Json> {
  return fc.record(fields) as fc.Arbitrary<Json>;
}

/** Fields of several objects in one. */
export function together(...parts: fc.Arbitrary<Json>[]): fc.Arbitrary<Json> {
  return fc.tuple(...parts).map((objects) => Object.assign({}, ...objects));
}

/** Nothing, three times out of four. */
export function rarely(fields: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fields });
}

export function few(item: Any, minLength = 0): Any {
  return fc.array(item, { minLength, maxLength: 1 });
}
