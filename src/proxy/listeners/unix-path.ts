/**
 * Paths of unix sockets that are listened on: a new socket takes the place of whatever is there, as with Envoy, and stays when its
 * process ends. Follows envoy.config.core.v3.Pipe.
 */
import { chmodSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Address } from '#config/model/address.ts';

/** How many paths this thread bound. */
let paths = 0;

/** What to bind. A path that begins with @ is in the abstract namespace. Any other is bound under another name first: see `settlePath`. */
export function pathToBind(path: string): string {
  return path.startsWith('@') ? `\0${path.slice(1)}` : join(dirname(path), `.${process.pid}-${paths++}`);
}

/**
 * Gives a bound socket its path. Node removes the path that it bound when the socket closes; this one, which a next generation may
 * serve, it does not know.
 */
export function settlePath({ path, mode }: Extract<Address, { kind: 'pipe' }>, bound: string): void {
  if (path.startsWith('@')) return;
  if (mode !== 0) chmodSync(bound, mode);
  renameSync(bound, path);
}
