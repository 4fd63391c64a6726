/**
 * Why an address could not be bound, with the words of Envoy and of the system.
 */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Address, addressText } from '#config/model/address.ts';

const WORDS: { [code: string]: string } = {
  EADDRINUSE: 'Address already in use',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};

/** @param error as node:net gives it */
export function bindError(address: Address, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  // To Node a folder that is not there is one that may not be entered.
  const missing = code === 'EACCES' && address.kind === 'pipe' && !existsSync(dirname(address.path));
  return new Error(`cannot bind '${addressText(address)}': ${missing ? WORDS.ENOENT : (WORDS[code] ?? message)}`);
}
