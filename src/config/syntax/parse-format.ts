/**
 * Splits a format string into text and command operators: `%NAME%`, `%NAME(argument)%`, `%NAME(argument):length%`; `%%` is a percent sign.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-strings
 */

export interface Command {
  name: string;
  /** What stands in parentheses; empty where nothing does. */
  argument: string;
  /** Bytes that the operator may say at most. */
  maxLength: number | undefined;
}

/** Text is a string. No two texts stand side by side. */
export type FormatPiece = string | Command;

const LENGTH_END = 2 ** 64;
const COMMAND = /%([A-Z0-9_]+)(?:\(([^\n]*?)\))?(?::([0-9]+))?%/y;

/** @throws Error with Envoy's words where a percent sign begins no operator. */
export function parseFormat(format: string): FormatPiece[] {
  const pieces: FormatPiece[] = [];
  let text = '';
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf('%', at);
    if (percent < 0) {
      text += format.slice(at);
      break;
    }
    text += format.slice(at, percent);
    if (format[percent + 1] === '%') {
      text += '%';
      at = percent + 2;
      continue;
    }
    COMMAND.lastIndex = percent;
    const match = COMMAND.exec(format);
    const length = Number(match?.[3] ?? 0);
    if (match === null || length >= LENGTH_END) {
      throw new Error(`Incorrect configuration: ${format}. Couldn't find valid command at position ${percent}`);
    }
    if (text !== '') pieces.push(text);
    text = '';
    const [whole, name, argument = '', digits] = match;
    pieces.push({ name, argument, maxLength: digits === undefined ? undefined : length });
    at = percent + whole.length;
  }
  if (text !== '') pieces.push(text);
  return pieces;
}
