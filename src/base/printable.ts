/**
 * Text from outside, made safe to print: a terminal obeys none of it.
 */

/** Control characters, those of Unicode that turn text around among them, and halves of characters. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Writes control characters as `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.codePointAt(0) as number;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
