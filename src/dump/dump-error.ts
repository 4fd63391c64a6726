/**
 * Why a command that looks into a proxy cannot do what was asked: said on standard error as istioctl says it, `Error: ...`.
 */

/** What was asked for is not there. */
export const NOT_THERE = 1;
/** The call or its input is wrong. */
export const BAD_INPUT = 2;

export class DumpError extends Error {
  readonly status: typeof NOT_THERE | typeof BAD_INPUT;

  constructor(message: string, status: DumpError['status'] = BAD_INPUT) {
    super(message);
    this.name = 'DumpError';
    this.status = status;
  }
}
