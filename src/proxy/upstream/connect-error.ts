/**
 * Why a connection could not be made, in Envoy's words.
 */
import { getSystemErrorMessage } from 'node:util';

/** @returns `delayed connect error: Connection refused` for ECONNREFUSED, and so on */
export function connectErrorText(error: NodeJS.ErrnoException): string {
  const message = error.errno === undefined ? error.message : getSystemErrorMessage(error.errno);
  return `delayed connect error: ${message.charAt(0).toUpperCase()}${message.slice(1)}`;
}
