/** An outside suite: somebody else's tests of a protocol, run against the proxy. */
import type { Scope } from '#testing/scope.ts';

export interface SuiteResult {
  passed: number;
  /** What failed, in the suite's words. */
  failures: string[];
}

export interface Suite {
  name: string;
  /** @throws Missing where the suite cannot run here */
  run(t: Scope): Promise<SuiteResult>;
}

/** Why a suite cannot run on this machine: what it lacks. */
export class Missing extends Error {}
