/**
 * Takes turns by weight: the entry with the earliest deadline is next, and its following deadline is 1/weight later, so that heavy ones come
 * more often and evenly spread. Ties go to the one that was put back first.
 * Follows Envoy's EdfScheduler, https://en.wikipedia.org/wiki/Earliest_deadline_first_scheduling
 */

interface Entry<Item> {
  item: Item;
  deadline: number;
  order: number;
}

/** Threads need not begin further apart; larger deadlines would only be less exact. */
const TURNS_APART = 65_536;
/** Of two whose turns fall together the lighter one comes first, wherever the scheduler begins: this much is added to each weight. Envoy's number. */
const LIGHTER_FIRST = 1e-13;

export class EdfScheduler<Item> {
  /** A binary heap, the earliest first. */
  private readonly heap: Entry<Item>[] = [];
  private readonly weightOf: (item: Item) => number;
  private orders = 0;

  /**
   * @param weightOf a weight above 0, asked again whenever an item is put back.
   * @param turns how many turns were taken already: threads begin at different ones, lest all call the same host first.
   */
  constructor(items: readonly Item[], weightOf: (item: Item) => number, turns: number) {
    this.weightOf = weightOf;
    const weights = items.map((item) => weightOf(item) + LIGHTER_FIRST);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let left = turns % TURNS_APART;
    const first = left;
    // Whole rounds are skipped at once: in them an item has had its share of the turns.
    for (let i = 0; i < items.length; i++) {
      let taken = Math.floor((first * weights[i]) / total);
      // Rounded up: its last turn is not before the point where to begin.
      if (taken > 0 && taken / weights[i] >= first / total) taken--;
      left -= taken;
      this.heap.push({ item: items[i], deadline: (taken + 1) / weights[i], order: this.orders++ });
    }
    for (let i = (this.heap.length >> 1) - 1; i >= 0; i--) this.sink(i);
    if (items.length > 0) for (; left > 0; left--) this.next();
  }

  /** @returns the item whose turn it is; it is put back with the weight that it has now. There must be one. */
  next(): Item {
    const entry = this.heap[0];
    entry.deadline += 1 / this.weightOf(entry.item);
    entry.order = this.orders++;
    this.sink(0);
    return entry.item;
  }

  private sink(from: number): void {
    const heap = this.heap;
    const entry = heap[from];
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], entry)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = entry;
  }
}

function isBefore<Item>(one: Entry<Item>, other: Entry<Item>): boolean {
  return one.deadline < other.deadline || (one.deadline === other.deadline && one.order < other.order);
}
