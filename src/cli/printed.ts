/** What a command has to say, as a value: for the program to print, and for tests to look at. */

/** What a call of a command prints on standard output and standard error, and its exit status. */
export interface Printed {
  status: number;
  out: string;
  err: string;
}
