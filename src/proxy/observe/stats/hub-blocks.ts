/**
 * Hidden numbers of all threads that lie together under one name, such as those of a host, added up by their place.
 */
import {
  isUnshared,
  NO_SHARE,
  type SlotReader,
  setShare,
  shareOf,
  sumOfShares,
} from '#proxy/observe/stats/stat-shares.ts';

interface Block {
  /** The first slot, by thread. */
  shares: number[];
  /** What threads left behind that are done with it. */
  carried: number[];
}

export class HubBlocks {
  private readonly byName = new Map<string, Block>();
  private readonly read: SlotReader;

  constructor(read: SlotReader) {
    this.read = read;
  }

  add(threadId: number, name: string, slot: number): void {
    let block = this.byName.get(name);
    if (block === undefined) {
      block = { shares: [], carried: [] };
      this.byName.set(name, block);
    }
    setShare(block.shares, threadId, slot);
  }

  /** A thread is done with its part. */
  remove(threadId: number, name: string, last: readonly number[]): void {
    const block = this.byName.get(name);
    if (block === undefined || shareOf(block.shares, threadId) === NO_SHARE) return;
    block.shares[threadId] = NO_SHARE;
    if (isUnshared(block.shares)) this.byName.delete(name);
    else for (const [i, value] of last.entries()) block.carried[i] = (block.carried[i] ?? 0) + value;
  }

  /** A thread has ended. */
  detach(threadId: number): void {
    for (const name of [...this.byName.keys()]) this.remove(threadId, name, []);
  }

  /** The numbers at some places; 0 where there is no such block. */
  valuesOf(name: string, places: readonly number[]): number[] {
    const block = this.byName.get(name);
    if (block === undefined) return places.map(() => 0);
    return places.map((place) => sumOfShares(block.shares, this.read, block.carried[place] ?? 0, place) + 0);
  }
}
