/**
 * One thing that a request must satisfy, compiled: a test for the data path and words for a recorder. All conditions have one shape, so
 * that a list of them is walked without looking at what kind each is.
 */
import type { RequestView } from '#selection/request-view.ts';

export class Condition {
  readonly matches: (request: RequestView) => boolean;
  /** Why the request failed it; only asked when it did. */
  readonly why: (request: RequestView) => string;

  constructor(matches: (request: RequestView) => boolean, why: (request: RequestView) => string) {
    this.matches = matches;
    this.why = why;
  }
}

/** Every condition of a list holds. */
export const MATCHED = -1;

/** @returns the index of the first condition that fails, or {@link MATCHED}. */
export function firstFailure(conditions: readonly Condition[], request: RequestView): number {
  for (let i = 0; i < conditions.length; i++) {
    if (!conditions[i].matches(request)) return i;
  }
  return MATCHED;
}
