/**
 * Lets streams pass for which an expression is true. Errors on the way, such as a field that is not there, count as false.
 * Follows envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter.
 */
import { compileCel } from '#proxy/observe/access-log/cel-expression.ts';
import type { StreamInfo } from '#proxy/observe/stream-info.ts';

/** @returns whether the expression is true of a stream. @throws Error for what is no expression. */
export function compileCelFilter(expression: string): (info: StreamInfo) => boolean {
  const evaluate = compileCel(expression);
  return (info) => evaluate(info) === true;
}
