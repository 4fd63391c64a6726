/**
 * Why a connection could not be made, in Envoy's words.
 */
import { getSystemErrorMessage } from 'node:util';

/** @returns `delayed connect error: Connection refused` for ECONNREFUSED, and so on */
export function connectErrorText(failure: NodeJS.ErrnoException): string {
  // A host with several addresses has an error of each.
  const error: NodeJS.ErrnoException = failure instanceof AggregateError ? failure.errors.at(-1) : failure;
  const message = error.errno === undefined ? error.message : getSystemErrorMessage(error.errno);
  return `delayed connect error: ${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
