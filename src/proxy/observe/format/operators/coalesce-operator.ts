/**
 * COALESCE: the first of several operators that says something. Its argument is JSON:
 * `{"operators": ["REQUESTED_SERVER_NAME", {"command": "REQ", "param": ":authority", "max_length": 10}]}`.
 */
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import { quoted } from '#proxy/observe/format/json-text.ts';
import type { Operator, OperatorDefinition } from '#proxy/observe/format/operator.ts';
import type { Command } from '#proxy/observe/format/parse-format.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

type FindOperator = (command: Command, context: FormatContext) => Operator | undefined;

export function coalesceOperator(find: FindOperator): OperatorDefinition {
  return {
    params: 'required',
    length: true,
    compile(argument, maxLength, context) {
      const operators = parseOperators(argument).map((entry, i) => compileEntry(entry, i, find, context));
      return {
        text: (info) => firstText(operators, info, maxLength),
        json: (info) => firstJson(operators, info, maxLength),
      };
    },
  };
}

function parseOperators(argument: string): unknown[] {
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

function compileEntry(entry: unknown, i: number, find: FindOperator, context: FormatContext): Operator {
  try {
    const command = commandOf(entry);
    const operator = find(command, context);
    if (operator === undefined) throw new Error(`unknown command: '${command.name}'`);
    return operator;
  } catch (error) {
    throw new Error(`COALESCE: failed to parse operator at index ${i}: ${(error as Error).message}`);
  }
}

function commandOf(entry: unknown): Command {
  if (typeof entry === 'string') return { name: entry, argument: '', maxLength: undefined };
  if (!isObject(entry)) {
    throw new Error("operator entry must be either a string (command name) or an object with 'command' field");
  }
  const { command, param = '', max_length: maxLength } = entry;
  if (typeof command !== 'string') throw new Error("operator object must have 'command' field");
  if (typeof param !== 'string') throw new Error("'param' field must be a string");
  if (maxLength === undefined) return { name: command, argument: param, maxLength };
  if (!Number.isInteger(maxLength)) throw new Error("'max_length' field must be an integer");
  if ((maxLength as number) <= 0) throw new Error("'max_length' must be a positive integer");
  return { name: command, argument: param, maxLength: maxLength as number };
}

function isObject(value: unknown): value is { [key: string]: unknown } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function firstText(
  operators: readonly Operator[],
  info: StreamInfo,
  maxLength: number | undefined,
): string | undefined {
  for (const operator of operators) {
    const text = operator.text(info);
    if (text !== undefined && text !== '') return maxLength === undefined ? text : text.slice(0, maxLength);
  }
  return undefined;
}

/** Lengths cut strings only. */
function firstJson(
  operators: readonly Operator[],
  info: StreamInfo,
  maxLength: number | undefined,
): string | undefined {
  for (const operator of operators) {
    const json = operator.json(info);
    if (json === undefined || json === '""') continue;
    if (maxLength === undefined || !json.startsWith('"')) return json;
    return quoted((operator.text(info) ?? '').slice(0, maxLength));
  }
  return undefined;
}
