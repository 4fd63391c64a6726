/**
 * Finds the operator that a command names and checks how it is written.
 * Follows https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage#command-operators
 */
import type { FormatContext } from '#proxy/observe/format/format-context.ts';
import type { Operator, OperatorDefinition, OperatorTable } from '#proxy/observe/format/operator.ts';
import { addressOperators } from '#proxy/observe/format/operators/address-operators.ts';
import { certificateOperators } from '#proxy/observe/format/operators/certificate-operators.ts';
import { coalesceOperator } from '#proxy/observe/format/operators/coalesce-operator.ts';
import { durationOperators } from '#proxy/observe/format/operators/duration-operators.ts';
import { grpcOperators } from '#proxy/observe/format/operators/grpc-operators.ts';
import { headerOperators } from '#proxy/observe/format/operators/header-operators.ts';
import { metadataOperators } from '#proxy/observe/format/operators/metadata-operators.ts';
import { refusedOperators } from '#proxy/observe/format/operators/refused-operators.ts';
import { requestOperators } from '#proxy/observe/format/operators/request-operators.ts';
import { sizeOperators } from '#proxy/observe/format/operators/size-operators.ts';
import { streamOperators } from '#proxy/observe/format/operators/stream-operators.ts';
import { timeOperators } from '#proxy/observe/format/operators/time-operators.ts';
import { upstreamOperators } from '#proxy/observe/format/operators/upstream-operators.ts';
import type { Command } from '#proxy/observe/format/parse-format.ts';

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
  refusedOperators,
];

const definitions = new Map<string, OperatorDefinition>(tables.flatMap((table) => Object.entries(table)));
definitions.set('COALESCE', coalesceOperator(findOperator));

/** The names of all operators that Envoy knows, those that we refuse among them. */
export const operatorNames: readonly string[] = [...definitions.keys()];

/** @throws Error with Envoy's words where the operator is unknown or written wrongly. */
export function compileOperator(command: Command, context: FormatContext): Operator {
  const operator = findOperator(command, context);
  if (operator === undefined) throw new Error(`Not supported field in StreamInfo: ${command.name}`);
  return operator;
}

function findOperator({ name, argument, maxLength }: Command, context: FormatContext): Operator | undefined {
  const definition = definitions.get(name);
  if (definition === undefined) return undefined;
  const { params, length } = definition;
  if (params === 'none' && (argument !== '' || maxLength !== undefined)) {
    throw new Error(`${name} does not take any parameters or length`);
  }
  if (params === 'required' && argument === '') throw new Error(`${name} requires parameters`);
  if (!length && maxLength !== undefined) throw new Error(`${name} does not allow length to be specified.`);
  return definition.compile(argument, maxLength, context);
}
