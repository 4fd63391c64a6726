/**
 * The argument of the command operator COALESCE, which is JSON:
 * `{"operators": ["REQUESTED_SERVER_NAME", {"command": "REQ", "param": ":authority", "max_length": 10}]}`.
 */
import type { Command } from '#config/syntax/parse-format.ts';

/**
 * @param check tells whether there is such an operator, and throws where it is written wrongly
 * @throws Error with Envoy's words where the argument is wrong
 */
export function parseCoalesce(argument: string, check: (command: Command) => boolean): Command[] {
  return operatorsOf(argument).map((entry, i) => {
    try {
      const command = commandOf(entry);
      if (!check(command)) throw new Error(`unknown command: '${command.name}'`);
      return command;
    } catch (error) {
      throw new Error(`COALESCE: failed to parse operator at index ${i}: ${(error as Error).message}`);
    }
  });
}

function operatorsOf(argument: string): unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(argument);
  } catch (error) {
    throw new Error(`COALESCE: failed to parse JSON configuration: ${(error as Error).message}`);
  }
  const operators = isObject(json) ? json.operators : undefined;
  if (operators === undefined) throw new Error("COALESCE: JSON configuration must contain 'operators' array");
  if (!Array.isArray(operators)) throw new Error("COALESCE: 'operators' must be an array");
  if (operators.length === 0) throw new Error("COALESCE: 'operators' array must not be empty");
  return operators;
}

function commandOf(entry: unknown): Command {
  if (typeof entry === 'string') return { name: entry, argument: '', maxLength: undefined };
  if (!isObject(entry)) {
    throw new Error("operator entry must be either a string (command name) or an object with 'command' field");
  }
  const { command, param = '', max_length: maxLength } = entry;
  if (typeof command !== 'string') throw new Error("operator object must have 'command' field");
  if (typeof param !== 'string') throw new Error("'param' field must be a string");
  if (maxLength !== undefined && !isInteger(maxLength)) throw new Error("'max_length' field must be an integer");
  if (maxLength !== undefined && maxLength <= 0) throw new Error("'max_length' must be a positive integer");
  return { name: command, argument: param, maxLength };
}

function isObject(value: unknown): value is { [key: string]: unknown } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}
