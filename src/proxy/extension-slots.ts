/**
 * The configurations of filters that discovery brings, on one worker. Connection managers make their filters anew when one changes;
 * requests under way keep those that they began with.
 */
import type { ExtensionUse } from '#config/model/listener.ts';

interface Slot {
  use: ExtensionUse | undefined;
  listeners: Set<() => void>;
}

export class ExtensionSlots {
  private readonly slots = new Map<string, Slot>();

  /** What is known; undefined: nothing yet, or no more. */
  find(key: string): ExtensionUse | undefined {
    return this.slots.get(key)?.use;
  }

  update(key: string, use: ExtensionUse | undefined): void {
    const slot = this.slot(key);
    slot.use = use;
    for (const listener of [...slot.listeners]) listener();
    this.drop(key);
  }

  /** Calls back when one of these changes. @returns how to stop that */
  onChange(keys: readonly string[], listener: () => void): () => void {
    for (const key of keys) this.slot(key).listeners.add(listener);
    return () => {
      for (const key of keys) {
        this.slots.get(key)?.listeners.delete(listener);
        this.drop(key);
      }
    };
  }

  private slot(key: string): Slot {
    let slot = this.slots.get(key);
    if (slot === undefined) {
      slot = { use: undefined, listeners: new Set() };
      this.slots.set(key, slot);
    }
    return slot;
  }

  /** Nobody listens, and nothing is known. */
  private drop(key: string): void {
    const slot = this.slots.get(key);
    if (slot !== undefined && slot.use === undefined && slot.listeners.size === 0) this.slots.delete(key);
  }
}
