/**
 * An expression in the Common Expression Language as plain data. Follows envoy.config.core.v3.CelExpressionConfig for its functions.
 */
import type { Expr } from '#api/generated/google/api/expr/v1alpha1/syntax_pb.js';

export interface CelExpression {
  /** As it was written: text, or a tree that somebody parsed before. */
  source: string | Expr;
  dialect: CelDialect;
}

/** What there is beside the functions that are always there. */
export interface CelDialect {
  /** `string(1)` */
  stringConversion: boolean;
  /** `'a' + 'b'`, of bytes too. */
  stringConcat: boolean;
  /** `'A'.lowerAscii()` and its like. */
  stringFunctions: boolean;
}

export const PLAIN_DIALECT: CelDialect = { stringConversion: false, stringConcat: false, stringFunctions: false };
