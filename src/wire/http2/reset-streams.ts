/**
 * The streams that we reset last: what the peer sent before it knew is let pass (RFC 9113, section 5.1, "closed").
 */

const KEPT = 1024;

export class ResetStreams {
  private older: Set<number> | undefined = undefined;
  private newer: Set<number> | undefined = undefined;

  add(id: number): void {
    this.newer ??= new Set();
    if (this.newer.size >= KEPT / 2) {
      this.older = this.newer;
      this.newer = new Set();
    }
    this.newer.add(id);
  }

  has(id: number): boolean {
    return (this.newer?.has(id) ?? false) || (this.older?.has(id) ?? false);
  }
}
