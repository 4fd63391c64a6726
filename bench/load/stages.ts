/**
 * Where things that a measurement starts are stopped, last one first.
 */
import type { Scope } from '#testing/scope.ts';

export class Stage implements Scope {
  readonly #stops: (() => void | Promise<void>)[] = [];

  after(stop: () => void | Promise<void>): void {
    this.#stops.push(stop);
  }

  async end(): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) await stop();
  }
}

/** Runs with a stage of its own, and ends it whatever happens. */
export async function onStage<T>(act: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = new Stage();
  try {
    return await act(stage);
  } finally {
    await stage.end();
  }
}
