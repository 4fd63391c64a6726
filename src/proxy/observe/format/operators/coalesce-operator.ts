/**
 * COALESCE: the first of several operators that says something.
 */
import { parseCoalesce } from '#config/syntax/format-coalesce.ts';
import type { Command } from '#config/syntax/parse-format.ts';
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import { quoted } from '#proxy/observe/format/json-text.ts';
import type { Operator, OperatorDefinition } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

type Compile = (command: Command, context: FormatContext) => Operator;

export function coalesceOperator(compile: Compile): OperatorDefinition {
  return (argument, maxLength, context) => {
    const operators = parseCoalesce(argument, () => true).map((command) => compile(command, context));
    return {
      text: (info) => firstText(operators, info, maxLength),
      json: (info) => firstJson(operators, info, maxLength),
    };
  };
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
