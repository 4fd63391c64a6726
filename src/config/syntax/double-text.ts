/**
 * Numbers as C prints them by `%g`: plain between 0.0001 and a million, with an exponent of two digits or more beyond.
 */

/** @param digits how many count; without it, as many as tell the number from its neighbours */
export function doubleText(value: number, digits?: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const rounded = digits === undefined ? value : Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(rounded);
  return rounded.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
