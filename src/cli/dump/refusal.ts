/**
 * What is printed where a command cannot do what was asked.
 */
import { printable } from '#base/printable.ts';
import type { Printed } from '#cli/printed.ts';
import { BAD_INPUT, DumpError } from '#dump/dump-error.ts';

/** @throws the error itself where it is no mistake of the caller's or of the input. */
export function refusal(error: unknown): Printed {
  if (error instanceof DumpError) return { status: error.status, out: '', err: `Error: ${printable(error.message)}\n` };
  if (error instanceof RangeError && /call stack/.test(error.message))
    return { status: BAD_INPUT, out: '', err: 'Error: the input is nested too deep\n' };
  throw error;
}
