/**
 * Why a connection could not be made, in Envoy's words.
 */
import { getSystemErrorMessage } from 'node:util';
import { hostPort } from '#proxy/listeners/downstream-connection.ts';

/** What Linux says where libuv says something else. */
const LINUX_WORDS: { [code: string]: string } = {
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAFNOSUPPORT: 'Address family not supported by protocol',
  EHOSTUNREACH: 'No route to host',
};
/** The system says these when it is asked to connect, not later. */
const AT_ONCE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'EACCES', 'EPERM']);

/** A host with several addresses has an error of each. */
function errorsOf(failure: NodeJS.ErrnoException): NodeJS.ErrnoException[] {
  return failure instanceof AggregateError ? failure.errors : [failure];
}

function lastOf(failure: NodeJS.ErrnoException): NodeJS.ErrnoException & { address?: string; port?: number } {
  return errorsOf(failure).at(-1) ?? failure;
}

/** How often the address to start from could not be had. */
export function bindErrorCount(failure: NodeJS.ErrnoException): number {
  return errorsOf(failure).filter(({ syscall }) => syscall === 'bind').length;
}

/** It failed on our side: no address to start from, no option taken, no descriptor left. */
export function isLocalError(failure: NodeJS.ErrnoException): boolean {
  const { syscall, code } = lastOf(failure);
  return syscall === 'bind' || syscall === 'setsockopt' || code === 'EMFILE';
}

/**
 * @param remote where it was to go, as text
 * @param isPipe whether that is a unix socket, which answers at once
 * @returns `delayed connect error: Connection refused` for ECONNREFUSED, and so on
 */
export function connectErrorText(failure: NodeJS.ErrnoException, remote: string, isPipe: boolean): string {
  const error = lastOf(failure);
  if (error.syscall === 'bind')
    return `failed to bind to ${hostPort(error.address ?? '', error.port ?? 0)}: ${bindWords(error)}`;
  const words = wordsOf(error);
  if (!isPipe && !AT_ONCE.has(error.code ?? '')) return `delayed connect error: ${words}`;
  const tried = error.address === undefined || error.port === undefined ? remote : hostPort(error.address, error.port);
  return `immediate connect error: ${words}|remote address:${tried}`;
}

/** Node does not let the system see an address of the other family. */
function bindWords(error: NodeJS.ErrnoException): string {
  return error.code === 'EINVAL' ? LINUX_WORDS.EAFNOSUPPORT : wordsOf(error);
}

function wordsOf({ code = '', errno, message }: NodeJS.ErrnoException): string {
  const words = LINUX_WORDS[code] ?? (errno === undefined ? message : getSystemErrorMessage(errno));
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
