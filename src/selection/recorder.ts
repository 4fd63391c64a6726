/**
 * Who listens to a choice: hears of each step what won and why, and of each nearer candidate what it failed. The data path passes none, and
 * then no word is made: every use stands behind a test for undefined.
 */

/** The choices of a request's way, in the order in which they are made. */
export type SelectionStep = 'listener' | 'filter_chain' | 'virtual_host' | 'route' | 'cluster';

export interface Recorder {
  won(step: SelectionStep, name: string, why: string): void;
  /** @param why the first condition that the candidate failed, or what beat it. */
  lost(step: SelectionStep, name: string, why: string): void;
}

/** One candidate that did not win. */
export interface Rejection {
  name: string;
  why: string;
}

/** What happened at one step. */
export interface StepRecord {
  name: string;
  why: string;
  rejected: Rejection[];
}

/** A recorder that keeps all that it hears, step by step. */
export class SelectionRecord implements Recorder {
  readonly steps = new Map<SelectionStep, StepRecord>();

  won(step: SelectionStep, name: string, why: string): void {
    const record = this.step(step);
    record.name = name;
    record.why = why;
  }

  lost(step: SelectionStep, name: string, why: string): void {
    this.step(step).rejected.push({ name, why });
  }

  step(step: SelectionStep): StepRecord {
    let record = this.steps.get(step);
    if (record === undefined) {
      record = { name: '', why: '', rejected: [] };
      this.steps.set(step, record);
    }
    return record;
  }
}
