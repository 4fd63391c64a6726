/**
 * Whether an expression is true of a stream. Errors on the way, such as a field that is not there, count as false, and so does what is
 * no truth value. Follows envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter and the condition of config.rbac.v3.Policy.
 */
import type { CelExpression } from '#config/model/cel.ts';
import { compileCel } from '#proxy/observe/cel/cel-expression.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

/** @throws Error for what is no expression. */
export function compileCelCondition(expression: CelExpression): (info: StreamInfo) => boolean {
  const evaluate = compileCel(expression);
  return (info) => evaluate(info) === true;
}
