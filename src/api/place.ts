/**
 * A place in a configuration: how the code that reads a message says which field of which file it complains about.
 * Made for every message that is read, so it is only a parent and a step; the path and the line are worked out when somebody complains.
 */
import type { Problem, Problems } from '#api/problems.ts';
import type { Source } from '#api/source.ts';

/** A step down the configuration: a field's name or a map's key, or an index in a list. */
export type PathStep = string | number;

const FIELD = 0;
const INDEX = 1;
const KEY = 2;
type StepKind = typeof FIELD | typeof INDEX | typeof KEY;

/** What all places of one configuration share. */
interface Origin {
  readonly source: Source | undefined;
  readonly problems: Problems;
}

/** An error about a place, to be thrown; {@link Place.attempt} turns it into a problem in the list. */
export class PlacedError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.path === '' ? problem.message : `${problem.message} (${problem.path})`);
    this.name = 'PlacedError';
    this.problem = problem;
  }
}

export class Place {
  readonly #origin: Origin;
  readonly #parent: Place | undefined;
  readonly #step: PathStep;
  readonly #kind: StepKind;

  /** For {@link rootPlace} and this class alone. */
  constructor(origin: Origin, parent: Place | undefined, step: PathStep, kind: StepKind) {
    this.#origin = origin;
    this.#parent = parent;
    this.#step = step;
    this.#kind = kind;
  }

  /** `static_resources.listeners[0].name`; a map's key stands in brackets: `metadata.filter_metadata["envoy.lb"]`. */
  get path(): string {
    const above = this.#parent === undefined ? '' : this.#parent.path;
    if (this.#parent === undefined) return '';
    if (this.#kind === INDEX) return `${above}[${this.#step}]`;
    if (this.#kind === KEY) return `${above}[${JSON.stringify(this.#step)}]`;
    return above === '' ? `${this.#step}` : `${above}.${this.#step}`;
  }

  /** The steps from the root. */
  get steps(): PathStep[] {
    const steps: PathStep[] = [];
    for (let place: Place = this; place.#parent !== undefined; place = place.#parent) steps.push(place.#step);
    return steps.reverse();
  }

  /** @param name as Envoy's API spells it, in snake case. */
  field(name: string): Place {
    return new Place(this.#origin, this, name, FIELD);
  }

  index(i: number): Place {
    return new Place(this.#origin, this, i, INDEX);
  }

  key(k: string): Place {
    return new Place(this.#origin, this, k, KEY);
  }

  /** An error about this place, to throw. */
  problem(message: string, hint?: string): PlacedError {
    return new PlacedError(this.#describe('error', message, hint));
  }

  /** The error that this field must be set; the place found is its parent's. */
  missing(): PlacedError {
    return new PlacedError(this.#describe('error', `field '${this.#step}' is required`, undefined, 'name'));
  }

  /** The error that we do not honour this field. */
  unsupported(why?: string): PlacedError {
    const message = `field '${this.#step}' is not supported by Fairlead yet${why === undefined ? '' : `: ${why}`}`;
    return new PlacedError(this.#describe('error', message, undefined, 'name'));
  }

  /** Notes an error and goes on. */
  report(message: string, hint?: string): void {
    this.#origin.problems.add(this.#describe('error', message, hint));
  }

  /** As {@link report}, about the field's name rather than its value. */
  reportName(message: string, hint?: string): void {
    this.#origin.problems.add(this.#describe('error', message, hint, 'name'));
  }

  warn(message: string, kind?: Problem['kind']): void {
    const problem = this.#describe('warning', message, undefined, 'name');
    this.#origin.problems.add(kind === undefined ? problem : { ...problem, kind });
  }

  /** What `fn` returns; an error about a place that it throws is noted, and undefined comes back. Other errors pass through. */
  attempt<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch (error) {
      if (!(error instanceof PlacedError)) throw error;
      this.collect(error);
      return undefined;
    }
  }

  collect(error: PlacedError): void {
    this.#origin.problems.add(error.problem);
  }

  #describe(
    severity: Problem['severity'],
    message: string,
    hint: string | undefined,
    part: 'name' | 'value' = 'value',
  ): Problem {
    const { source } = this.#origin;
    const problem: Problem = { severity, file: source?.name ?? '', path: this.path, message };
    if (hint !== undefined) problem.hint = hint;
    const found = source?.locate(this.steps, part);
    if (found === undefined) return problem;
    const { line, column, length, file = problem.file } = found;
    return Object.assign(problem, { file, line, column, length });
  }
}

/** The place of a whole configuration. Without a source (it came over the wire), places have paths only. */
export function rootPlace(source: Source | undefined, problems: Problems): Place {
  return new Place({ source, problems }, undefined, '', FIELD);
}
