/**
 * What has to be there before something serves: targets that become ready one by one, and somebody who waits for all of them.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/init
 */

export class InitManager {
  /** As `/init_dump` calls it. */
  readonly name: string;
  /** Undefined: nobody is waited for. There is one of these for each cluster, as long as it lives. */
  private waiting: Map<number, string> | undefined = undefined;
  private next = 0;
  private started = false;
  private done: (() => void) | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Adds something to wait for. @returns what to call once it is ready; more calls do nothing */
  add(target: string): () => void {
    const id = this.next++;
    this.waiting ??= new Map();
    this.waiting.set(id, target);
    return () => {
      if (!this.waiting?.delete(id)) return;
      if (this.waiting.size === 0) this.waiting = undefined;
      this.check();
    };
  }

  /** Calls back once everything that was added is ready, perhaps before this returns. */
  whenReady(done: () => void): void {
    this.done = done;
    this.started = true;
    this.check();
  }

  /** Nobody waits any more. */
  cancel(): void {
    this.done = undefined;
  }

  /** What is not ready yet. */
  unready(): string[] {
    return [...(this.waiting?.values() ?? [])];
  }

  private check(): void {
    if (!this.started || this.waiting !== undefined) return;
    const { done } = this;
    this.done = undefined;
    done?.();
  }
}
