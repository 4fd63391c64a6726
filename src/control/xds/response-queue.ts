/**
 * Responses that wait to be sent on a stream: what makes them does not wait for the client, which takes them one after another.
 */
export class ResponseQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private ended = false;
  private failure: unknown;
  private wake: () => void = () => {};

  add(...responses: T[]): void {
    this.waiting.push(...responses);
    this.wake();
  }

  /** What was added before still goes out. */
  end(error?: unknown): void {
    this.ended = true;
    this.failure ??= error;
    this.wake();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const next = this.waiting.shift();
      if (next !== undefined) yield next;
      else if (this.failure !== undefined) throw this.failure;
      else if (this.ended) return;
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
    }
  }
}
