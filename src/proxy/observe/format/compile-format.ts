/**
 * Compiles format strings and JSON formats once, so that a line costs a walk over its operators.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#format-strings
 */
import type { FormatConfig } from '#config/model/format.ts';
import { checkFormat } from '#config/syntax/format-operators.ts';
import { parseFormat } from '#config/syntax/parse-format.ts';
import { toByteText } from '#proxy/observe/format/byte-text.ts';
import { compileJsonFormat } from '#proxy/observe/format/compile-json-format.ts';
import { compileOperator } from '#proxy/observe/format/compile-operator.ts';
import { type FormatContext, systemFormatContext } from '#proxy/observe/format/format-context.ts';
import type { Operator } from '#proxy/observe/format/operator.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

export interface Formatter {
  /** @returns the line as bytes, one character each: to be written as latin1. */
  format(info: StreamInfo): string;
}

/** @throws Error with Envoy's words where an operator is unknown or written wrongly. */
export function compileFormatConfig(config: FormatConfig, context: FormatContext = systemFormatContext): Formatter {
  return config.body.kind === 'json'
    ? compileJsonFormat(config.body.json, config, context)
    : compileFormat(config.body.text, config.omitEmptyValues ? '' : '-', context);
}

/**
 * Compiles a text format.
 * @param empty stands for an operator that has nothing to say
 * @throws Error with Envoy's words where an operator is unknown or written wrongly
 */
export function compileFormat(text: string, empty = '-', context: FormatContext = systemFormatContext): Formatter {
  checkFormat(text);
  const operators: Operator[] = [];
  const before: string[] = [];
  let literal = '';
  for (const piece of parseFormat(text)) {
    if (typeof piece === 'string') literal = toByteText(piece);
    else {
      before.push(literal);
      operators.push(compileOperator(piece, context));
      literal = '';
    }
  }
  return operators.length === 0 ? new ConstantFormatter(literal) : new TextFormatter(before, operators, literal, empty);
}

class ConstantFormatter implements Formatter {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  format(): string {
    return this.text;
  }
}

class TextFormatter implements Formatter {
  /** The text before each operator. */
  private readonly before: string[];
  private readonly operators: Operator[];
  private readonly tail: string;
  private readonly empty: string;

  constructor(before: string[], operators: Operator[], tail: string, empty: string) {
    this.before = before;
    this.operators = operators;
    this.tail = tail;
    this.empty = empty;
  }

  format(info: StreamInfo): string {
    const { before, operators, empty } = this;
    let line = '';
    for (let i = 0; i < operators.length; i++) line += before[i] + (operators[i].text(info) ?? empty);
    return line + this.tail;
  }
}
