/**
 * What a command is: one file under commands/, loaded when somebody calls it.
 */

/** What each file under commands/ exports as `command`. */
export interface Command {
  /**
   * @param args what stands after the command's name.
   * @returns the exit status; none is success.
   */
  run(args: string[]): Promise<number | undefined>;
  /** The words that completion offers after the command's name. */
  completions(): Promise<string[]>;
}

/** A command as the list of commands names it: nothing is loaded before it is needed. */
export interface CommandEntry {
  name: string;
  /** Shorter names for the same. */
  aliases?: readonly string[];
  summary: string;
  load(): Promise<Command>;
}

/** The caller used a command wrongly: said on standard error with where to look, exit status 2. */
export class UsageError extends Error {
  readonly command: string;

  /** @param command whose help is offered, or '' for that of `fairlead` itself. */
  constructor(message: string, command = '') {
    super(message);
    this.name = 'UsageError';
    this.command = command;
  }
}
