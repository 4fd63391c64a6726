/**
 * Makes the operator that a command names.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import type { Command } from '#config/syntax/parse-format.ts';
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import type { Operator, OperatorDefinition, OperatorTable } from '#proxy/observe/format/operator.ts';
import { addressOperators } from '#proxy/observe/format/operators/address-operators.ts';
import { celOperators } from '#proxy/observe/format/operators/cel-operator.ts';
import { certificateOperators } from '#proxy/observe/format/operators/certificate-operators.ts';
import { coalesceOperator } from '#proxy/observe/format/operators/coalesce-operator.ts';
import { durationOperators } from '#proxy/observe/format/operators/duration-operators.ts';
import { grpcOperators } from '#proxy/observe/format/operators/grpc-operators.ts';
import { headerOperators } from '#proxy/observe/format/operators/header-operators.ts';
import { metadataOperators } from '#proxy/observe/format/operators/metadata-operators.ts';
import { requestOperators } from '#proxy/observe/format/operators/request-operators.ts';
import { routeOperators } from '#proxy/observe/format/operators/route-operators.ts';
import { sizeOperators } from '#proxy/observe/format/operators/size-operators.ts';
import { streamOperators } from '#proxy/observe/format/operators/stream-operators.ts';
import { timeOperators } from '#proxy/observe/format/operators/time-operators.ts';
import { upstreamOperators } from '#proxy/observe/format/operators/upstream-operators.ts';

const tables: readonly OperatorTable[] = [
  headerOperators,
  requestOperators,
  streamOperators,
  timeOperators,
  durationOperators,
  sizeOperators,
  addressOperators,
  upstreamOperators,
  certificateOperators,
  grpcOperators,
  metadataOperators,
  celOperators,
  routeOperators,
];

const definitions = new Map<string, OperatorDefinition>(tables.flatMap((table) => Object.entries(table)));
definitions.set('COALESCE', coalesceOperator(compileOperator));

/** The names of all operators that can be compiled. */
export const compiledNames: readonly string[] = [...definitions.keys()];

/** @param command of a format that was checked: see config/syntax/format-operators.ts */
export function compileOperator({ name, argument, maxLength }: Command, context: FormatContext): Operator {
  const define = definitions.get(name);
  if (define === undefined) throw new Error(`Not supported field in StreamInfo: ${name}`);
  return define(argument, maxLength, context);
}
