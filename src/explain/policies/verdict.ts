/**
 * Whether something holds for a request, as far as the request alone tells; and why not.
 */

/** `holds` is undefined where it depends on what is not known. */
export interface Verdict {
  holds: boolean | undefined;
  /** What failed, or what is not known. Empty where it holds. */
  why: string;
}

/** So many reasons are told. */
const SHOWN = 3;

export const YES: Verdict = { holds: true, why: '' };

export function no(why: string): Verdict {
  return { holds: false, why };
}

export function unknown(why: string): Verdict {
  return { holds: undefined, why };
}

/** All of them: the first that fails decides, then the first that is not known. */
export function every(verdicts: readonly Verdict[]): Verdict {
  return verdicts.find(({ holds }) => holds === false) ?? verdicts.find(({ holds }) => holds === undefined) ?? YES;
}

/** One of them. */
export function some(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.some(({ holds }) => holds === true)) return YES;
  const open = verdicts.filter(({ holds }) => holds === undefined);
  if (open.length > 0) return open[0];
  const reasons = [...new Set(verdicts.map(({ why }) => why))];
  const more = reasons.length - SHOWN;
  return no(`${reasons.slice(0, SHOWN).join(', and ')}${more > 0 ? `, and ${more} more` : ''}`);
}

export function not({ holds }: Verdict, what: string): Verdict {
  if (holds === undefined) return unknown(what);
  return holds ? no(`not allowed: ${what}`) : YES;
}
