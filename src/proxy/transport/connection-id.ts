/**
 * Numbers of connections: one row for those that clients make and those that we make, as in Envoy.
 */

let last = 0;

/** @returns a number that no other connection of this thread has had, from 1 up; 0 stands for none. */
export function nextConnectionId(): number {
  return ++last;
}
