/**
 * Numbers as the C++ library writes them, where that differs from JavaScript.
 */

/** The shortest text that reads back as the number, in fixed or scientific form, whichever is shorter (`std::to_chars`). */
export function shortest(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const fixed = fixedText(value);
  const scientific = value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  return scientific.length < fixed.length ? scientific : fixed;
}

/** As `printf("%g")`: six significant digits, scientific from a million on. */
export function general(value: number, digits = 6): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === 0) return '0';
  const exponent = Number(value.toExponential(digits - 1).split('e')[1]);
  if (exponent >= -4 && exponent < digits) {
    const text = value.toPrecision(digits);
    return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  }
  const [mantissa, power] = value.toExponential(digits - 1).split('e');
  const shown = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return `${shown}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

function fixedText(value: number): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  // Only beyond 1e21 or below 1e-6, where the scientific form is the shorter one anyhow.
  return value.toFixed(Math.abs(value) < 1 ? 20 : 0);
}
