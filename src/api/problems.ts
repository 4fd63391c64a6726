/**
 * What is wrong with a configuration: each problem with its place in the file, all of them at once.
 */

export { countProblems, renderProblems } from '#api/render-problems.ts';

/** One thing wrong, and where. Lines and columns count from 1; a configuration that came over the wire has a path only. */
export interface Problem {
  severity: 'error' | 'warning';
  file: string;
  line?: number;
  column?: number;
  length?: number;
  /** Field path in snake case: `static_resources.listeners[0].name`. */
  path: string;
  message: string;
  hint?: string;
  /** What it warns of, where that is counted. */
  kind?: 'deprecated' | 'unknown';
}

/** Collects what is found wrong while a configuration is read. */
export class Problems {
  readonly list: Problem[] = [];

  get errors(): Problem[] {
    return this.list.filter((problem) => problem.severity === 'error');
  }

  get warnings(): Problem[] {
    return this.list.filter((problem) => problem.severity === 'warning');
  }

  add(problem: Problem): void {
    this.list.push(problem);
  }

  /** @throws ConfigError with every error, if there is one. */
  throwIfAny(): void {
    const errors = this.errors;
    if (errors.length > 0) throw new ConfigError(errors);
  }
}

/** A configuration that cannot be used. Its message names every problem, one a line. */
export class ConfigError extends Error {
  readonly problems: Problem[];

  constructor(problems: Problem[]) {
    super(problems.map(plainly).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** A problem on one line: `front.yaml:14:17: error: no field 'codec_typ' in HttpConnectionManager (did you mean 'codec_type'?) at a.b`. */
function plainly(problem: Problem): string {
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  const path = problem.path === '' ? '' : ` at ${problem.path}`;
  return `${position(problem)}${problem.severity}: ${problem.message}${hint}${path}`;
}

function position(problem: Problem): string {
  if (problem.file === '') return '';
  return problem.line === undefined ? `${problem.file}: ` : `${problem.file}:${problem.line}:${problem.column}: `;
}
