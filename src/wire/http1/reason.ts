/**
 * Reason phrases as Envoy writes them on status lines.
 */
import { STATUS_CODES } from 'node:http';

const own: Record<number, string> = {
  103: 'Unknown',
  302: 'Found',
  418: 'Unknown',
  422: 'Unprocessable Entity',
  425: 'Too Early',
  451: 'Unknown',
  509: 'Unknown',
  599: 'Last Unassigned Server Error Code',
};
const lines = new Map<number, string>();

/** @returns `HTTP/1.1 200 OK\r\n` for a status. */
export function statusLine(status: number): string {
  let line = lines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${reason(status)}\r\n`;
    lines.set(status, line);
  }
  return line;
}

/** @returns the same for a client that speaks HTTP/1.0. */
export function oldStatusLine(status: number): string {
  return `HTTP/1.0 ${status} ${reason(status)}\r\n`;
}

/** @returns the phrase for a status; `Unknown` for one that has none. */
export function reason(status: number): string {
  return own[status] ?? STATUS_CODES[status] ?? 'Unknown';
}
