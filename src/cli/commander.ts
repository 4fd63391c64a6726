/**
 * How commands use commander: help goes to standard output, a mistake becomes a UsageError. Loaded by the commands that
 * need it, not by the proxy.
 */
import { type Command, CommanderError } from 'commander';
import { UsageError } from '#cli/command.ts';

/** @returns whether the command is to run; false when help was asked for and printed. */
export function parse(program: Command, args: readonly string[], name: string): boolean {
  program.exitOverride().configureOutput({ writeErr: () => {} });
  try {
    program.parse(args, { from: 'user' });
    return true;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return false;
    throw new UsageError(error.message.replace(/^error: /, ''), name);
  }
}
