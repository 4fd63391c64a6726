/**
 * Times that are lengthened by chance, so that what began together does not end together.
 */
import type { Random } from '#base/random.ts';

/** @param percent by how much at most @returns whole milliseconds */
export function jittered(milliseconds: number, percent: number, random: Pick<Random, 'uint32'>): number {
  if (percent === 0) return milliseconds;
  return Math.floor(milliseconds * (1 + (percent / 100) * (random.uint32() / 2 ** 32)));
}
