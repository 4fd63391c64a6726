/**
 * Why an address could not be bound, with the words of Envoy and of the system.
 */
import { type Address, addressText } from '#config/model/address.ts';

const WORDS: { [code: string]: string } = {
  EADDRINUSE: 'Address already in use',
  EACCES: 'Permission denied',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};

/** @param error as node:net gives it */
export function bindError(address: Address, error: unknown): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new Error(`cannot bind '${addressText(address)}': ${WORDS[code] ?? message}`);
}
