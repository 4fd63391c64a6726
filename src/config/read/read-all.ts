/**
 * Lists, read item by item, so that one that is wrong does not hide what is wrong with the others.
 */
import type { Place } from '#api/place.ts';

/** One that is wrong is noted and left out; so is one for which `read` has nothing. */
export function readAll<M, T>(messages: readonly M[], at: Place, read: (message: M, at: Place) => T | undefined): T[] {
  const all: T[] = [];
  for (let i = 0; i < messages.length; i++) {
    const place = at.index(i);
    const one = place.attempt(() => read(messages[i], place));
    if (one !== undefined) all.push(one);
  }
  return all;
}
