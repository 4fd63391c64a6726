/** Waits for a condition that something outside of the test's process brings about, such as a counter of a proxy's admin API. */

/**
 * Asks again until the answer is no longer undefined or false.
 * @returns the answer. @throws after `patience` ms, with what was waited for.
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  patience = 30_000,
): Promise<T> {
  const last = performance.now() + patience;
  for (let pause = 2; ; pause = Math.min(pause * 1.5, 50)) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (performance.now() >= last) throw new Error(`${what}: not within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
