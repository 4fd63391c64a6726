/**
 * Where threads have their parts of a stat: the slot of each by the thread's number, or NO_SHARE.
 */

/** Reads the number in a slot of a thread. */
export type SlotReader = (threadId: number, slot: number) => number;

export const NO_SHARE = -1;

export function shareOf(shares: readonly number[], threadId: number): number {
  return shares[threadId] ?? NO_SHARE;
}

export function setShare(shares: number[], threadId: number, slot: number): void {
  while (shares.length < threadId) shares.push(NO_SHARE);
  shares[threadId] = slot;
}

export function isUnshared(shares: readonly number[]): boolean {
  return shares.every((share) => share === NO_SHARE);
}

/** @param start what to add to. @param place how far behind each slot the number is */
export function sumOfShares(shares: readonly number[], read: SlotReader, start: number, place = 0): number {
  let sum = start;
  for (let threadId = 0; threadId < shares.length; threadId++) {
    const slot = shares[threadId];
    if (slot !== NO_SHARE) sum += read(threadId, slot + place);
  }
  return sum;
}
