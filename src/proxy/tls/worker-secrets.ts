/**
 * The secrets as one worker has them: told by the main thread, asked by TLS contexts.
 */
import type { SecretValue } from '#config/model/tls.ts';

export class WorkerSecrets {
  private readonly values: Map<string, SecretValue>;
  private readonly listeners = new Map<string, Set<() => void>>();

  /** @param values by key, as they are when the worker starts. */
  constructor(values: { readonly [key: string]: SecretValue } = {}) {
    this.values = new Map(Object.entries(values));
  }

  readonly find = (key: string): SecretValue | undefined => this.values.get(key);

  /** @param value undefined: it is gone. */
  update(key: string, value: SecretValue | undefined): void {
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
    for (const listener of [...(this.listeners.get(key) ?? [])]) listener();
  }

  /** Calls back whenever one of these changes. @returns how to stop that. */
  onChange(keys: readonly string[], listener: () => void): () => void {
    for (const key of keys) {
      let heard = this.listeners.get(key);
      if (heard === undefined) {
        heard = new Set();
        this.listeners.set(key, heard);
      }
      heard.add(listener);
    }
    return () => {
      for (const key of keys) {
        this.listeners.get(key)?.delete(listener);
        if (this.listeners.get(key)?.size === 0) this.listeners.delete(key);
      }
    };
  }
}
