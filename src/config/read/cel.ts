/**
 * Expressions in the Common Expression Language, checked where they stand. Follows envoy.config.core.v3.CelExpressionConfig.
 */
import type { Expr } from '#api/generated/google/api/expr/v1alpha1/syntax_pb.js';
import type { Place } from '#api/place.ts';
import { type CelDialect, type CelExpression, PLAIN_DIALECT } from '#config/model/cel.ts';
import { honours } from '#config/read/support.ts';
import { planCel } from '#config/syntax/cel.ts';
import type { CelExpressionConfig } from '#envoy/config/core/v3/cel_pb.js';

const check = honours('envoy.config.core.v3.CelExpressionConfig', [
  'enable_string_conversion',
  'enable_string_concat',
  'enable_string_functions',
]);

/** @param at where the expression stands @param config the dialect's message and its place; without one there are the plain functions alone */
export function readCel(
  source: string | Expr,
  at: Place,
  config: { message: CelExpressionConfig | undefined; at: Place },
): CelExpression {
  const expression = { source, dialect: readDialect(config.message, config.at) };
  try {
    planCel(expression);
  } catch (error) {
    throw at.problem((error as Error).message);
  }
  return expression;
}

function readDialect(message: CelExpressionConfig | undefined, at: Place): CelDialect {
  if (message === undefined) return PLAIN_DIALECT;
  check(message, at);
  return {
    stringConversion: message.enableStringConversion,
    stringConcat: message.enableStringConcat,
    stringFunctions: message.enableStringFunctions,
  };
}
