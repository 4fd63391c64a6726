/**
 * How many inputs a fuzz test makes: few where it runs with all others, a million on a full run. `FAIRLEAD_FUZZ` says so: a number, or `full`.
 */

const FULL = 1_000_000;

/** @param short how many where nothing is said */
export function fuzzRuns(short: number): number {
  const said = process.env.FAIRLEAD_FUZZ ?? '';
  if (said === '') return short;
  const runs = said === 'full' ? FULL : Number(said);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`FAIRLEAD_FUZZ is a number or 'full', not '${said}'`);
  return runs;
}
