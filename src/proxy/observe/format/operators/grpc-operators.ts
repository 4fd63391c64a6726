/**
 * The gRPC status of a response, by name or number.
 * Follows https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */
import { grpcStatus } from '#proxy/observe/access-log/grpc-status.ts';
import {
  type NumberOf,
  numberOperator,
  type Operator,
  type OperatorTable,
  textOperator,
} from '#proxy/observe/format/operator.ts';

const CAMEL = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];
const SNAKE = CAMEL.map((name) =>
  name === 'Canceled' ? 'CANCELLED' : name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
);

export const grpcOperators: OperatorTable = {
  GRPC_STATUS(form) {
    if (form === 'NUMBER') return numberOperator(statusOf);
    return named(form === 'SNAKE_STRING' ? SNAKE : CAMEL);
  },
  GRPC_STATUS_NUMBER: () => numberOperator(statusOf),
};

function named(names: readonly string[]): Operator {
  return textOperator((info) => {
    const status = statusOf(info);
    return status === undefined ? undefined : (names[status] ?? String(status));
  });
}

/** Applications may have a status of their own. @returns undefined where the request was no gRPC */
const statusOf: NumberOf = (info) =>
  isGrpc(info.requestHeaders.get('content-type')) ? grpcStatus(info, Number.MAX_SAFE_INTEGER) : undefined;

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|\+)/.test(contentType);
}
