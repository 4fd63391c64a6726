/**
 * Control characters in a head: whatever else is wrong with it, they are what Envoy tells.
 */
import { CR, LF, VALUE } from '#wire/http1/characters.ts';
import { ParseError } from '#wire/http1/parse-error.ts';

/**
 * @param error of a head that begins at `start`
 * @returns ControlCharacter where one stands in the head, as far as it is there; else the error
 */
export function nameControlCharacter(error: number, bytes: Buffer, start: number, end: number): number {
  if (error === ParseError.TooManyFields || error === ParseError.HeadTooLarge) return error;
  const last = bytes.indexOf('\r\n\r\n', start, 'latin1');
  const stop = last < 0 ? end : Math.min(last, end);
  for (let pos = start; pos < stop; pos++) if (isControl(bytes[pos])) return ParseError.ControlCharacter;
  return error;
}

function isControl(c: number): boolean {
  return VALUE[c] === 0 && c !== CR && c !== LF;
}
